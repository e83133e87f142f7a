"""Runs, against a real SQLite store: what they hold, how they end, which of them a training goes on with."""

import os
import re
import socket
import subprocess
import sys

import mlflow
import pytest
from descriptions import DESCRIPTION
from mlflow import MlflowClient

from sparsefaces.base.errors import UserError
from sparsefaces.tracking import runs as tracking
from sparsefaces.tracking.address import notify
from sparsefaces.tracking.description import LOGGED_IMAGES
from sparsefaces.tracking.queries import finished_trainings
from sparsefaces.tracking.runs import TrackedRun, optional, track
from sparsefaces.tracking.store import StoreError


def test_track__finished_run_holds_params_metrics_over_steps_files_pictures_tags_and_data(logged):
    logged.with_model = True
    logged.train()
    logged.assert_whole()
    run = logged.only_run()
    assert not [name for name in run.data.metrics if name.endswith("/ent")]  # infinite: no chart could show it
    assert {"system/cpu_utilization_percentage", "batch/steps_per_second"} <= set(run.data.metrics)
    figure = f"![filters.png](get-artifact?path=filters.png&run_uuid={run.info.run_id})"
    assert run.data.tags["mlflow.note.content"] == f"**note**\n\n| table |\n\n{figure}"
    assert run.inputs.dataset_inputs[0].dataset.digest == "d" * 36
    assert (logged.folder / "mlartifacts").is_dir()
    (record,) = (logged.folder / ".scratch/runs").glob("train_dense-k-*")
    assert {path.name for path in record.iterdir()} == {".lock", "run.json", "rows.jsonl", "sent.json"}  # nothing large


def test_track__picture_is_named_as_mlflow_itself_names_one(logged):
    from PIL import Image

    logged.train()
    run_id = logged.only_run().info.run_id
    other = logged.client.create_run(logged.only_run().info.experiment_id).info.run_id
    logged.client.log_image(other, Image.new("L", (4, 4)), key="filters", step=3, timestamp=17, synchronous=True)

    def names(run_id):
        return sorted(file.path for file in logged.client.list_artifacts(run_id, "images") if "step+3+" in file.path)

    for ours, theirs in zip(names(run_id), names(other), strict=True):
        parts, expected = ours.split("+"), theirs.split("+")
        assert (parts[:4], len(parts[5]), parts[6:]) == (expected[:4], len(expected[5]), expected[6:])
        assert parts[4].isdecimal() and expected[4] == "17"
    assert logged.client.get_run(other).data.tags[LOGGED_IMAGES]


def test_track__nothing_of_mlflows_own_current_settings_is_used(logged, monkeypatch):
    """Somebody's current experiment, or a deleted default one, has nothing to do with this project's runs."""
    mlflow.set_tracking_uri(f"sqlite:///{logged.folder / 'somebody.db'}")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")  # which that sets
    logged.client.delete_experiment("0")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "77")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "somebody's")
    logged.with_model = True
    logged.train()
    logged.assert_whole()
    (model,) = logged.client.search_logged_models([logged.only_run().info.experiment_id])
    assert model.artifact_location.startswith((logged.folder / "mlartifacts").as_uri())
    assert not (logged.folder / "mlruns").exists()


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED"), (ValueError, "FAILED")]
)
def test_track__interrupted_run_ends_killed_and_a_broken_one_failed_and_the_next_goes_on_in_it(logged, error, status):
    pytest.raises(error, logged.train, error=error)
    assert logged.only_run().info.status == status
    assert "batch/rec" in logged.only_run().data.metrics
    logged.train()
    logged.assert_whole()


def test_track__resumed_history_has_no_step_twice_and_the_times_when_it_was_taken(logged, monkeypatch):
    monkeypatch.setattr(tracking, "now_ms", lambda: 1000)
    pytest.raises(KeyboardInterrupt, logged.train, error=KeyboardInterrupt)
    monkeypatch.setattr(tracking, "now_ms", lambda: 2000)
    with track(DESCRIPTION) as run:
        run.resume([{"step": 0, "rec": 100.0}, {"step": 10, "rec": 0.5}])
    history = logged.client.get_metric_history(logged.only_run().info.run_id, "batch/rec")
    assert {(metric.step, metric.timestamp) for metric in history} == {*((step, 1000) for step in range(5)), (10, 2000)}


def test_track__finished_run_whose_result_dvc_lacks_is_gone_on_with_and_one_that_it_has_is_left_alone(logged):
    """DVC was killed before it recorded the result; or it did, and the stage is made again on purpose."""
    logged.train()
    logged.train(DESCRIPTION._replace(recorded=["that of another result"]))
    logged.assert_whole()
    logged.train(DESCRIPTION._replace(recorded=["r"]))
    assert [run.info.status for run in logged.runs()] == ["FINISHED"] * 2


def test_track__host_that_is_called_otherwise_goes_on_in_the_run(logged, monkeypatch):
    pytest.raises(KeyboardInterrupt, logged.train, error=KeyboardInterrupt)
    monkeypatch.setattr(socket, "gethostname", lambda: "another-container")
    logged.train()
    logged.assert_whole()


def test_track__run_that_was_deleted_meanwhile_is_made_anew_and_whole(logged):
    pytest.raises(KeyboardInterrupt, logged.train, error=KeyboardInterrupt)
    logged.client.delete_run(logged.only_run().info.run_id)
    logged.train()
    logged.assert_whole()


def test_track__interruption_while_the_run_is_made_ends_it_killed(logged, monkeypatch):
    plain = TrackedRun.open

    def interrupted(*arguments):
        plain(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(TrackedRun, "open", interrupted)
    pytest.raises(KeyboardInterrupt, logged.train)
    assert logged.only_run().info.status == "KILLED"


def test_track__silent_server_is_given_up_after_the_time_for_opening(in_tmp, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UserError, match=r"cannot be used \(.*timed out.*"), track(DESCRIPTION, "stop", 0.0):
            pass


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("postgresql+nosuchdriver://ann:pa55word@127.0.0.1/x", "nosuchdriver"),
        ("nonsense://ann:pa55word@h/x", "dialects:nonsense"),
        ("postgresql://ann:pa55word@127.0.0.1/x", r"pip install 'psycopg\[binary\]'"),
        ("https://ann:pa55word@127.0.0.1:9", "missing.pem"),
    ],
)
def test_track__what_only_a_person_can_mend_is_not_waited_for_and_no_secret_is_shown(
    in_tmp, capsys, monkeypatch, uri, said
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as where it is not installed
    monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", "missing.pem")
    with pytest.raises(UserError, match=f"cannot be used .*{said}") as error, track(DESCRIPTION, seconds_to_open=3600):
        pass
    shown = str(error.value) + capsys.readouterr().err
    assert not {"ann", "pa55word"} & set(re.findall(r"\w+", shown))


def test_finished_trainings__are_those_of_the_store_the_newest_first(logged):
    for stage, lambd in (("train_dense", 0.0), ("train_sparse", 1.0), ("analyze", 5.0)):
        tags = DESCRIPTION.tags | {"stage": stage, "content.key": stage}
        with track(DESCRIPTION._replace(stage=stage, params={"lambda": lambd}, tags=tags)) as tracked:
            tracked.log_values("final", {"l0": lambd})
    runs = finished_trainings()
    assert [(run.params["lambda"], run.metrics["final/l0"]) for run in runs] == [("1.0", 1), ("0.0", 0)]
    assert {run.tags["data.sha256"] for run in runs} == {"d" * 64}


def test_notify__where_nobody_reads_is_no_error(monkeypatch):
    def write(_):
        raise BrokenPipeError

    monkeypatch.setattr(sys.stderr, "write", write)
    notify("nobody hears it")


def test_optional__failure_of_the_store_is_said_and_costs_nothing_and_a_bug_is_none(capsys):
    with optional("the model"):
        raise StoreError(OSError("no route to host"))
    said = "warning: the model is not in MLflow (no route to host): `make track` delivers it\n"
    assert capsys.readouterr().err == said
    with pytest.raises(TypeError), optional("the model"):
        raise TypeError


def test_finished_trainings__of_a_store_that_fails_is_one_message(logged, monkeypatch):
    def fail(*_, **__):
        raise OSError("the disk is gone")

    monkeypatch.setattr(MlflowClient, "search_runs", fail)
    with pytest.raises(UserError, match=r"failed \(the disk is gone\): start or repair it"):
        finished_trainings()


def test_tracking__mlflow_is_set_up_before_it_is_imported_and_tells_nobody_of_its_use():
    code = "import sys, sparsefaces.tracking; assert 'mlflow' not in sys.modules; print('set up')"
    code += (
        "; from sparsefaces.tracking import runs; from mlflow.telemetry.client import get_telemetry_client as client"
    )
    code += "; print(client())"
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}  # on CI, MLflow would not tell anyway
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=kept, check=True)
    assert done.stdout.split("\n")[:2] == ["set up", "None"]
