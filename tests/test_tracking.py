"""Tracking, against a real SQLite store and servers that misbehave."""

import http.server
import shutil
import socket
import threading

import numpy as np
import pytest
from mlflow import MlflowClient

from sparsefaces import tracking
from sparsefaces.errors import UserError
from sparsefaces.facts import Facts
from sparsefaces.tracking import finished_trainings, is_logged, require_store, track

FACTS = Facts(
    stage="train_dense",
    params={"lambda": 0.0, "seed": 3},
    tags={"stage": "train_dense", "data.sha256": "d" * 64, "data.source": "orl"},
    note="**note**",
)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A store with its tables and nothing else: making one takes seconds, copying it does not."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(in_tmp, empty_store):
    shutil.copy(empty_store, in_tmp / "mlflow.db")
    (in_tmp / "metrics.json").write_text("{}")
    return MlflowClient(tracking_uri=f"sqlite:///{in_tmp / 'mlflow.db'}")


def only_run(store):
    experiment = store.get_experiment_by_name("sparsefaces")
    (run,) = store.search_runs([experiment.experiment_id])
    return run


def test_track__finished_run_holds_params_metrics_over_steps_files_pictures_tags_and_data(store, in_tmp):
    with track(FACTS) as run:
        for step in range(0, 5000, 2):
            run.watch(step, {"step": step, "rec": 100 - step / 100, "ent": float("inf")})
            run.watch(step + 1, None)
        run.log_picture("filters.png", tracking_picture())
        run.log_results({"final": {"rec": 5.0, "ent": None}}, [in_tmp / "metrics.json"], {"model.sha256": "m"})
    logged = only_run(store)
    assert (logged.info.status, logged.info.run_name) == ("FINISHED", "train_dense")
    assert logged.data.params == {"lambda": "0.0", "seed": "3"}
    history = store.get_metric_history(logged.info.run_id, "batch/rec")
    assert [(metric.step, metric.value) for metric in history][-1] == (4998, pytest.approx(50.02))
    assert len(history) == 2500
    assert logged.data.metrics["final/rec"] == 5
    assert not [name for name in logged.data.metrics if "ent" in name]  # infinite: no chart could show it
    assert logged.data.tags["model.sha256"] == "m"
    assert logged.data.tags["mlflow.note.content"] == "**note**"
    assert logged.inputs.dataset_inputs[0].dataset.digest == "d" * 36
    assert [file.path for file in store.list_artifacts(logged.info.run_id)] == ["filters.png", "metrics.json"]
    assert (in_tmp / "mlartifacts").is_dir()


def tracking_picture():
    from sparsefaces.images import png_of_mosaic

    return png_of_mosaic(np.zeros((4, 4), dtype=np.float32), 1)


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED"), (ValueError, "FAILED")],
)
def test_track__interrupted_run_ends_killed_and_a_broken_one_failed(store, error, status):
    def broken():
        with track(FACTS) as run:
            run.watch(0, {"step": 0, "rec": 1.0})
            raise error

    pytest.raises(error, broken)
    assert only_run(store).info.status == status
    assert only_run(store).data.metrics == {"batch/rec": 1.0}


def test_is_logged__finds_finished_runs_by_content_only(store):
    wanted = {"stage": "train_dense", "data.sha256": "d" * 64}
    assert is_logged(wanted) is False
    pytest.raises(KeyboardInterrupt, interrupt)
    assert is_logged(wanted) is False
    with track(FACTS):
        pass
    assert is_logged(wanted)
    assert is_logged(wanted | {"data.sha256": "e" * 64}) is False


def interrupt():
    with track(FACTS):
        raise KeyboardInterrupt


def test_store__lies_in_the_root_that_dvc_names(in_tmp, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(in_tmp / "root"))
    assert tracking.tracking_uri() == f"sqlite:///{in_tmp / 'root' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert tracking.tracking_uri() == "http://elsewhere:5000"


def work():
    with track(FACTS) as run:
        run.watch(0, {"step": 0, "rec": 1.0})
        return "result"


def test_track__server_that_is_down_costs_no_result_and_is_said_once(in_tmp, monkeypatch, capsys):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert work() == "result"
    said = capsys.readouterr().out
    assert said.count("warning: train_dense is not tracked") == 1
    assert "`make track` logs them" in said


def test_is_logged__knows_nothing_where_the_store_cannot_be_asked(in_tmp, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert is_logged({"stage": "train_dense"}) is None
    with pytest.raises(UserError, match="http://127.0.0.1:9 failed"):
        require_store()


def test_track__silent_server_is_given_up_after_the_probe(in_tmp, monkeypatch, capsys):
    monkeypatch.setattr(tracking, "PROBE_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert work() == "result"
    assert "timed out" in capsys.readouterr().out


def test_track__server_that_fails_after_its_probe_costs_no_result(in_tmp, monkeypatch, capsys):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the name that the server asks for

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_address[1]}")
    assert work() == "result"
    assert capsys.readouterr().out.count("is not tracked") == 1
    server.shutdown()


def test_track__store_lost_midway_is_said_once_and_the_work_goes_on(store, capsys, monkeypatch):
    monkeypatch.setattr(tracking, "SECONDS_BETWEEN_FLUSHES", 0)
    with track(FACTS) as run:
        monkeypatch.setattr(MlflowClient, "log_batch", fail)
        for step in range(5):
            run.watch(step, {"step": step, "rec": 1.0})
    assert capsys.readouterr().out.count("is not tracked") == 1
    assert only_run(store).info.status == "FAILED"


def test_track__damaged_store_or_missing_driver_costs_no_result(in_tmp, capsys, monkeypatch):
    (in_tmp / "mlflow.db").write_bytes(b"not a database" * 100)
    assert work() == "result"
    assert "is not tracked" in capsys.readouterr().out
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+nosuchdriver://127.0.0.1/x")
    assert work() == "result"
    assert "is not tracked" in capsys.readouterr().out


def test_track__interruption_while_the_run_is_made_ends_it_killed(store, monkeypatch):
    monkeypatch.setattr(MlflowClient, "log_inputs", interrupted)
    pytest.raises(KeyboardInterrupt, work)
    assert only_run(store).info.status == "KILLED"


def interrupted(*_, **__):
    raise KeyboardInterrupt


def fail(*_, **__):
    raise OSError("the disk is full")


def test_finished_trainings__are_those_of_the_store_the_newest_first(store):
    for stage, lambd in (("train_dense", 0.0), ("train_sparse", 1.0), ("analyze", 5.0)):
        facts = FACTS._replace(stage=stage, params={"lambda": lambd}, tags=FACTS.tags | {"stage": stage})
        with track(facts) as tracked:
            tracked.log_results({"final": {"l0": lambd}}, [], {})
    pytest.raises(KeyboardInterrupt, interrupt)
    runs = finished_trainings()
    assert [(run.params["lambda"], run.metrics["final/l0"]) for run in runs] == [("1.0", 1), ("0.0", 0)]
    assert {run.tags["data.sha256"] for run in runs} == {"d" * 64}
