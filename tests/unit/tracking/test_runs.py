"""Runs: whole, once, and closed, whatever happens to the process or to the store."""

import mlflow
import numpy as np
import pytest
from descriptions import DESCRIPTION
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from sparsefaces.base.errors import UserError
from sparsefaces.base.mosaics import png_of_mosaic
from sparsefaces.tracking import runs
from sparsefaces.tracking.runs import track
from sparsefaces.training.outbox import Outbox

PNG = png_of_mosaic(np.zeros((4, 4), dtype=np.float32), 1)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Send after each step, and do not wait at the end."""
    for name in ("PAUSE", "SECONDS_BETWEEN", "SECONDS_TO_WAIT"):
        monkeypatch.setattr(runs, name, 1e-9)


def failing(monkeypatch, method, error, times=10**9, of=lambda *_: True):
    """Let a method of MLflow's client fail so many times with an error, on the arguments that `of` picks."""
    plain, left = getattr(MlflowClient, method), [times]

    def fail(self, *arguments, **named):
        if left[0] and of(*arguments):
            left[0] -= 1
            raise error
        return plain(self, *arguments, **named)

    monkeypatch.setattr(MlflowClient, method, fail)


def refused(status="INVALID_PARAMETER_VALUE"):
    return MlflowException("no, never", getattr(mlflow.protos.databricks_pb2, status))


def raising(error):
    def during(run):
        raise error

    return during


def test_track__everything_is_there_once_and_is_once_more_when_the_result_is_made_again(logged):
    logged.with_model = True
    for _ in range(2):
        logged.train()
        logged.assert_whole()


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED"), (ValueError, "FAILED")]
)
def test_track__interrupted_run_ends_killed_and_a_broken_one_failed_and_the_next_goes_on_in_it(logged, error, status):
    with pytest.raises(error):
        logged.train(during=raising(error))
    assert logged.only_run().info.status == status
    assert "batch/rec" in logged.only_run().data.metrics
    logged.train()
    logged.assert_whole()


def test_track__what_a_killed_process_left_to_send_is_sent_unless_it_arrived(logged):
    """The checkpoint's outbox is older than what MLflow has."""
    box = Outbox(
        {("batch/rec", 1): (99.0, 17), ("batch/rec", 2): (98.0, 18)}, {"late": "yes"}, {"images/filters/1.png": PNG}
    )
    with pytest.raises(KeyboardInterrupt), track(DESCRIPTION) as run:
        run.log_values("batch", {"rec": 99.0}, 1)
        run.outbox.files["images/filters/1.png"] = PNG
        raise KeyboardInterrupt
    logged.train(outbox=box)
    logged.assert_whole()
    assert logged.only_run().data.tags["late"] == "yes"
    history = logged.client.get_metric_history(logged.only_run().info.run_id, "batch/rec")
    assert {metric.step: metric.timestamp for metric in history}[2] == 18  # when it was measured


def test_track__two_clones_at_once_never_write_one_run_and_a_finished_one_is_everybodys(logged, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{logged.folder / 'mlflow.db'}")
    for name in ("second", "third"):
        (tmp_path / name).mkdir()
    with track(DESCRIPTION) as first:
        monkeypatch.chdir(tmp_path / "second")
        with track(DESCRIPTION) as second:
            assert first.id != second.id
            assert [run.info.status for run in logged.runs()] == ["RUNNING"] * 2
    monkeypatch.chdir(tmp_path / "third")
    with track(DESCRIPTION) as third:
        assert third.id in (first.id, second.id)
    assert [run.info.status for run in logged.runs()] == ["FINISHED"] * 2


def test_track__run_that_was_deleted_meanwhile_is_made_anew_and_whole(logged):
    with pytest.raises(KeyboardInterrupt):
        logged.train(during=raising(KeyboardInterrupt))
    logged.client.delete_run(logged.only_run().info.run_id)
    logged.train()
    logged.assert_whole()


def test_track__nothing_of_mlflows_own_current_settings_is_used(logged, monkeypatch):
    """Somebody's current experiment or run, or a deleted default one, has nothing to do with this project's runs."""
    mlflow.set_tracking_uri(f"sqlite:///{logged.folder / 'somebody.db'}")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")  # which that sets
    logged.client.delete_experiment("0")
    for name in ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
        monkeypatch.setenv(name, "77")
    logged.with_model = True
    logged.train()
    logged.assert_whole()
    (model,) = logged.client.search_logged_models([logged.only_run().info.experiment_id])
    assert model.artifact_location.startswith((logged.folder / "mlartifacts").as_uri())
    assert not (logged.folder / "mlruns").exists()


def test_send__store_that_fails_for_a_while_is_said_once_and_costs_nothing(logged, monkeypatch, capsys):
    failing(monkeypatch, "log_batch", OSError("no route"), times=3, of=lambda run, metrics=(), *_: bool(metrics))
    logged.train()
    logged.assert_whole()
    assert capsys.readouterr().err.count("MLflow's store fails (no route): train_dense goes on") == 1


def test_end__store_that_lacks_numbers_stops_the_stage_or_is_said_and_later_has_all(logged, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        failing(patched, "log_batch", OSError("no route"), of=lambda run, metrics=(), *_: bool(metrics))
        with pytest.raises(UserError, match="`dvc repro` goes on from the last checkpoint"):
            logged.train()
        logged.train(on_failure="continue")
    assert "MLflow lacks numbers of train_dense: `make track` sends it again" in capsys.readouterr().err
    logged.train()
    logged.assert_whole()


def test_end__files_that_alone_fail_are_named_and_the_run_ends_and_is_completed_later(logged, monkeypatch, capsys):
    logged.with_model = True
    with monkeypatch.context() as patched:
        failing(patched, "log_artifacts", OSError("no space there"))
        failing(patched, "log_model_artifacts", OSError("no space there"))
        logged.train()
    run = logged.only_run()
    names = "uncommitted.diff, checkpoints/step_5.txt, the registered model"
    assert f"MLflow lacks {names} of train_dense: `make track` sends it again" in capsys.readouterr().err
    assert (run.info.status, run.data.tags[runs.MISSING]) == ("FINISHED", names)
    assert run.data.metrics["final/rec"] == 5.0
    logged.train()
    logged.assert_whole()
    assert logged.only_run().data.tags[runs.MISSING] == ""


def test_send__what_is_refused_for_good_is_named_once_and_the_rest_arrives(logged, monkeypatch, capsys):
    failing(monkeypatch, "log_artifacts", refused())
    logged.train()
    said = capsys.readouterr().err
    assert said.count("MLflow refuses checkpoints/step_5.txt of train_dense, which is left out (no, never)") == 1
    assert logged.only_run().info.status == "FINISHED"
    assert runs.MISSING not in logged.only_run().data.tags
    assert set(logged.files()) == {"images"}


def test_send__login_that_has_run_out_is_no_refusal_of_what_is_sent(logged, monkeypatch):
    failing(monkeypatch, "log_batch", refused("UNAUTHENTICATED"), times=2, of=lambda run, metrics=(), *_: bool(metrics))
    logged.train()
    logged.assert_whole()


def test_send__bug_is_none_of_the_stores_failures(logged, monkeypatch):
    failing(monkeypatch, "log_image", TypeError("a bug"))
    with pytest.raises(TypeError, match="a bug"):
        logged.train()


def test_track__store_that_cannot_be_opened_stops_or_is_said(in_tmp, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////dev/null/x.db")
    with pytest.raises(UserError, match=r"cannot be used .*tracking.on_failure: continue"), track(DESCRIPTION):
        pass
    with track(DESCRIPTION, "continue") as run:
        run.log_values("batch", {"rec": 1.0}, 0)
        run.outbox.files["images/filters/0.png"] = PNG
        run.send()
    assert run.store is None
    assert capsys.readouterr().err.count("warning: MLflow's store") == 1


def test_register__half_of_a_killed_process_is_made_anew(logged, monkeypatch):
    logged.with_model = True
    with monkeypatch.context() as patched:
        failing(patched, "log_model_artifacts", KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            logged.train()
    logged.train()
    logged.assert_whole()
