"""Tracking, against a real SQLite store and servers that misbehave."""

import os
import shutil
import signal
import socket
import sys
import threading
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from gates import DEADLINE, wait_until
from mlflow import MlflowClient
from samples import DESCRIPTION, in_experiment

from sparsefaces.base.errors import UserError
from sparsefaces.base.mosaics import png_of_mosaic
from sparsefaces.colors import COLORS
from sparsefaces.tracking import delivery
from sparsefaces.tracking import runs as tracking
from sparsefaces.tracking.queries import finished_trainings
from sparsefaces.tracking.runs import TrackedRun, track
from sparsefaces.tracking.store import tracking_uri


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A store that works is not given up, however slow this machine is."""
    monkeypatch.setattr(tracking, "SECONDS_TO_FINISH", DEADLINE)
    monkeypatch.setattr(tracking, "SECONDS_TO_BREAK_OFF", DEADLINE)


@pytest.fixture
def store(in_tmp, empty_store):
    shutil.copy(empty_store, in_tmp / "mlflow.db")
    (in_tmp / "metrics.json").write_text("{}")
    return MlflowClient(tracking_uri=f"sqlite:///{in_tmp / 'mlflow.db'}")


def all_runs(store):
    return store.search_runs([store.get_experiment_by_name("sparsefaces").experiment_id])


def only_run(store):
    (run,) = all_runs(store)
    return run


def work(error=None, on_failure="continue", description=DESCRIPTION):
    with track(description, on_failure, 1.0) as run:
        run.on_step(0, {"step": 0, "rec": 1.0})
        if error:
            raise error
        return "result"


def picture():
    return png_of_mosaic(np.zeros((4, 4), dtype=np.float32), 1)


def test_track__finished_run_holds_params_metrics_over_steps_files_pictures_tags_and_data(store, in_tmp):
    with track(DESCRIPTION, seconds_to_open=DEADLINE) as run:
        for step in range(0, 5000, 2):
            run.on_step(step, {"step": step, "rec": 100 - step / 100, "ent": float("inf")})
            run.on_step(step + 1, None)
        run.log_picture("filters", 7, picture)
        run.log_file("checkpoints/step_7.txt", lambda path: path.write_text("7"))
        run.log_values("final", {"rec": 5.0, "ent": None})
        run.log_results([in_tmp / "metrics.json"], {"model.sha256": "m"}, "| table |", "filters.png")
    logged = only_run(store)
    assert (logged.info.status, logged.info.run_name) == ("FINISHED", "train_dense, lambda 0.0")
    assert logged.data.params == {"lambda": "0.0", "seed": "3"}
    assert logged.data.tags["mlflow.runColor"] == COLORS["dense"]
    history = store.get_metric_history(logged.info.run_id, "batch/rec")
    assert [(metric.step, metric.value) for metric in history][-1] == (4998, pytest.approx(50.02))
    assert len(history) == 2500
    assert logged.data.metrics["final/rec"] == 5
    assert not [name for name in logged.data.metrics if "ent" in name]  # infinite: no chart could show it
    assert logged.data.tags["model.sha256"] == "m"
    figure = f"![filters.png](get-artifact?path=filters.png&run_uuid={logged.info.run_id})"
    assert logged.data.tags["mlflow.note.content"] == f"**note**\n\n| table |\n\n{figure}"
    assert logged.inputs.dataset_inputs[0].dataset.digest == "d" * 36
    files = [file.path for file in store.list_artifacts(logged.info.run_id)]
    assert files == ["checkpoints", "images", "metrics.json", "uncommitted.diff"]
    pictures = [file.path for file in store.list_artifacts(logged.info.run_id, "images")]
    assert len([name for name in pictures if name.startswith("images/filters+step+7+") and name.endswith("png")]) == 1
    assert (in_tmp / "mlartifacts").is_dir()


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED"), (ValueError, "FAILED")],
)
def test_track__interrupted_run_ends_killed_and_a_broken_one_failed(store, error, status):
    pytest.raises(error, work, error)
    assert only_run(store).info.status == status
    assert only_run(store).data.metrics == {"batch/rec": 1.0}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_track__same_content_goes_on_in_the_unfinished_run_with_no_step_twice(store, error):
    pytest.raises(error, work, error)
    with track(DESCRIPTION, seconds_to_open=DEADLINE) as run:
        run.resume([{"step": 0, "rec": 1.0}, {"step": 10, "rec": 0.5}])
        run.log_picture("filters", 0, picture)
    logged = only_run(store)
    assert logged.info.status == "FINISHED"
    steps = [metric.step for metric in store.get_metric_history(logged.info.run_id, "batch/rec")]
    assert steps == [0, 10]


def test_track__finished_run_whose_result_dvc_lacks_is_gone_on_with_and_one_that_it_has_is_left_alone(store):
    """DVC was killed before it recorded the result; or it did, and the stage is made again on purpose."""
    with track(DESCRIPTION, seconds_to_open=DEADLINE) as run:
        run.log_results([], {"result.md5": "r"}, "", "filters.png")
    work(description=DESCRIPTION._replace(recorded=frozenset({"that of another result"})))
    assert only_run(store).info.status == "FINISHED"
    work(description=DESCRIPTION._replace(recorded=frozenset({"r"})))
    assert [run.info.status for run in all_runs(store)] == ["FINISHED"] * 2


def test_track__finished_run_of_another_machine_is_left_alone(store):
    work()
    store.set_tag(only_run(store).info.run_id, "process", "another-machine 1 0.00")
    work()
    assert len(all_runs(store)) == 2


def left_running(store, **tags):
    experiment = store.get_experiment_by_name("sparsefaces")
    tags = {"stage": "train_dense", "content.key": "other", "process": f"{socket.gethostname()} 1 0.00"} | tags
    return store.create_run(experiment.experiment_id, tags=tags).info.run_id


def test_track__run_that_a_dead_process_left_is_closed_and_one_of_a_living_process_is_not(store):
    work()
    dead = left_running(store)
    living = left_running(store, process=name_of(psutil.Process(os.getppid())))
    elsewhere = left_running(store, process="another-machine 1 0.00")
    same = left_running(store, **{"content.key": "k"})
    work()
    states = {run.info.run_id: run.info.status for run in all_runs(store)}
    assert len(states) == 5
    assert (states[dead], states[living], states[elsewhere], states[same]) == (
        "KILLED",
        "RUNNING",
        "RUNNING",
        "FINISHED",
    )


def name_of(process):
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f}"


def test_store__of_an_experiment_lies_in_the_root_that_dvc_names(in_tmp, monkeypatch):
    in_experiment(in_tmp / "root", monkeypatch)
    assert tracking_uri() == f"sqlite:///{in_tmp / 'root' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert tracking_uri() == "http://elsewhere:5000"


def test_track__silent_server_is_given_up_after_the_time_for_opening(in_tmp, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setattr(delivery, "SECONDS_AFTER_FAILURE", 0.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UserError, match=r"cannot be used \((.*timed out.*|no answer)\)"):
            work(on_failure="stop")
        assert work() == "result"
    assert capsys.readouterr().err.count("warning") == 1


def test_track__missing_driver_or_password_is_not_waited_for_and_is_said_with_what_to_do(in_tmp, capsys, monkeypatch):
    monkeypatch.setattr(delivery, "SECONDS_AFTER_FAILURE", 0.0)
    for uri in ("postgresql+nosuchdriver://ann:pa55word@127.0.0.1/x", "nonsense://ann:pa55word@127.0.0.1/x"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        assert work() == "result"
        with pytest.raises(UserError) as error, track(DESCRIPTION, "stop", seconds_to_open=3600):
            pass
        said = str(error.value) + capsys.readouterr().err
        assert "cannot be used" in said
        assert "ann" not in said.replace("cannot", "")
        assert "pa55word" not in said


def test_track__missing_driver_is_named_with_the_package_that_has_it(in_tmp, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as where it is not installed
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://127.0.0.1/x")
    with pytest.raises(UserError, match=r"pip install 'psycopg\[binary\]'"), track(DESCRIPTION, seconds_to_open=3600):
        pass


def test_track__store_that_fails_for_a_while_is_said_once_and_gets_every_value_once(store, capsys, monkeypatch):
    plain, calls = MlflowClient.log_batch, []

    def uncertain(self, run_id, metrics=(), **named):
        """Fail before or after the store has taken the values: who asked cannot tell."""
        calls.append(len(calls))
        if metrics and len(calls) % 3 == 0:
            raise OSError("the disk is full")
        plain(self, run_id, metrics=metrics, **named)
        if metrics and len(calls) % 3 == 1:
            raise OSError("the connection is lost")

    monkeypatch.setattr(MlflowClient, "log_batch", uncertain)
    monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: 0.0))  # however long a try takes here
    with track(DESCRIPTION, seconds_to_open=DEADLINE) as run:
        for step in range(3000):
            run.on_step(step, {"step": step, "rec": 1.0 / (step + 1)})
    said = capsys.readouterr().err
    assert said.count("warning") == 1
    assert "is back and has all of train_dense" in said
    logged = only_run(store)
    assert logged.info.status == "FINISHED"
    history = store.get_metric_history(logged.info.run_id, "batch/rec")
    assert len(history) == 3000
    assert {metric.step: metric.value for metric in history} == {step: 1.0 / (step + 1) for step in range(3000)}


def test_track__interruption_while_it_waits_for_the_store_is_delivered_too(store):
    main, handled, returned = threading.main_thread().ident, threading.Event(), threading.Event()
    late = []

    def waits():
        return sys._current_frames()[main].f_code.co_name in ("wait", "join", "_wait_for_tstate_lock")

    def interrupt(path):
        wait_until(waits)
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(handled.is_set)
        wait_until(lambda: waits() or returned.is_set())
        late.append(returned.is_set())

    def handle(number, frame):
        handled.set()
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGINT, handle)
    try:
        with pytest.raises(KeyboardInterrupt), track(DESCRIPTION, seconds_to_open=DEADLINE) as run:
            run.log_file("a_file", interrupt)
        returned.set()
    finally:
        signal.signal(signal.SIGINT, former)
    assert late == [False]
    assert only_run(store).info.status == "KILLED"


def test_track__interruption_while_the_run_is_made_ends_it_killed(store, monkeypatch):
    monkeypatch.setattr(TrackedRun, "open", interrupted)
    pytest.raises(KeyboardInterrupt, work)
    assert only_run(store).info.status == "KILLED"


def interrupted(*_, **__):
    raise KeyboardInterrupt


def test_finished_trainings__are_those_of_the_store_the_newest_first(store):
    for stage, lambd in (("train_dense", 0.0), ("train_sparse", 1.0), ("analyze", 5.0)):
        tags = DESCRIPTION.tags | {"stage": stage, "content.key": stage}
        with track(
            DESCRIPTION._replace(stage=stage, params={"lambda": lambd}, tags=tags), seconds_to_open=DEADLINE
        ) as tracked:
            tracked.log_values("final", {"l0": lambd})
    runs = finished_trainings()
    assert [(run.params["lambda"], run.metrics["final/l0"]) for run in runs] == [("1.0", 1), ("0.0", 0)]
    assert {run.tags["data.sha256"] for run in runs} == {"d" * 64}
