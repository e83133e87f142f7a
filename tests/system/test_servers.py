"""Trainings tracked on real servers, which go away and come back."""

import math
import re
import signal
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from gates import DEADLINE, Gate, at_step
from servers import free_port

from sparsefaces.base.files import read_history

SEEDS = count(1000)
AT_ONCE = ("sparsefaces.tracking.runs:SECONDS_BETWEEN_SYNCS=0", "sparsefaces.tracking.runs:PAUSE=0")


@pytest.fixture
def tracked(finished, server, tmp_path):
    """A finished project that no run on the server is known of."""
    project = finished.copy(tmp_path / "project")
    project.env["MLFLOW_TRACKING_URI"] = server.url
    project.env["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(DEADLINE)  # slow is not down
    project.seed = next(SEEDS)
    project.set_params({"train": {"iterations": 301, "log_every": 10, "seed": project.seed}})
    return project


def runs_of(server, project):
    return [run for run in server.runs(stage="train_sparse") if run.data.params.get("seed") == str(project.seed)]


def assert_complete(server, project):
    """Compare every value of a history.csv with those of its only run: each is logged once."""
    (run,) = runs_of(server, project)
    assert run.info.status == "FINISHED"
    rows = read_history(project.path("train_sparse/history.csv"))
    assert [row["step"] for row in rows] == list(range(0, 301, 10))
    for name in rows[0].keys() - {"step"}:
        logged = server.client.get_metric_history(run.info.run_id, f"batch/{name}")
        expected = [(row["step"], row[name]) for row in rows if math.isfinite(row[name])]
        assert sorted((metric.step, metric.value) for metric in logged) == expected


@pytest.fixture
def gate(tmp_path):
    """Holds a training twice, with 10 rows brought to the server and with 10 more."""
    return Gate(tmp_path / "gate", at_step(100), at_step(200), *AT_ONCE)


def test_server__training_shows_live_and_a_killed_process_is_continued_in_its_run(tracked, server, gate):
    tracked.set_params({"machine": {"checkpoint_every": 50}})
    process = tracked.start("python", "src/train.py", "train_sparse", gate=gate)
    gate.wait(process)
    (run,) = runs_of(server, tracked)
    shown = {"batch/steps_per_second", "system/cpu_utilization_percentage"}
    assert shown <= set(run.data.metrics)
    assert run.info.status == "RUNNING"
    logged = server.client.get_metric_history(run.info.run_id, "batch/rec")
    assert [metric.step for metric in logged] == list(range(0, 100, 10))
    process.kill()
    process.end(-signal.SIGKILL)
    output = tracked.run("python", "src/train.py", "train_sparse")
    assert "continues from the checkpoint of step 100" in output
    assert_complete(server, tracked)


def test_server__killed_midway_and_started_again_has_every_value_once_in_the_same_run(tracked, server, gate):
    process = tracked.start("dvc", "repro", "-s", "train_sparse", gate=gate)
    gate.wait(process)
    server.kill()
    gate.pass_one()
    process.wait_until_said("warning")
    server.start()
    gate.open()
    assert process.end().count("warning") == 1, process.said()
    tracked.run("python", "src/track.py")
    assert_complete(server, tracked)


def test_server__hanging_one_holds_no_training_up_and_gets_the_rest_from_track(tracked, server, tmp_path):
    tracked.env["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "1"
    gate = Gate(tmp_path / "gate", at_step(100))
    process = tracked.start("dvc", "repro", "-s", "train_sparse", gate=gate)
    gate.wait(process)
    server.signal(signal.SIGSTOP)
    try:
        gate.open()
        output = process.end()  # while the server still hangs
    finally:
        server.signal(signal.SIGCONT)
    assert output.count("`make track` delivers it") == 1, output
    tracked.env["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(DEADLINE)
    assert "train_sparse" in tracked.run("python", "src/track.py")
    assert_complete(server, tracked)
    assert "nothing to log" in tracked.run("python", "src/track.py")


def test_server__down_at_the_start_stops_with_the_ways_on_or_goes_on_where_it_is_set_so(tracked):
    address = f"http://127.0.0.1:{free_port()}"
    tracked.set_params({"tracking": {"seconds_to_open": 1}})
    output = tracked.run("python", "src/train.py", "train_dense", code=1, MLFLOW_TRACKING_URI=address)
    assert output.count("error: ") == 1
    assert "Traceback" not in output
    assert "nbit" not in output
    for words in (address, "unset MLFLOW_TRACKING_URI", "tracking.on_failure: continue"):
        assert words in output
    tracked.set_params({"tracking": {"on_failure": "continue"}})
    output = tracked.run("python", "src/train.py", "train_dense", MLFLOW_TRACKING_URI=address)
    assert output.count("warning") == 1
    assert "logged train_dense" in tracked.run("python", "src/track.py")


def test_model__registered_one_reconstructs_pixels_and_gives_codes(finished):
    import mlflow

    from sparsefaces.training.model_file import load_model

    mlflow.set_tracking_uri(f"sqlite:///{finished.folder / 'mlflow.db'}")
    faces = np.load(finished.path("fetch/faces.npy"))[:5]
    for alias in ("dense", "sparse"):
        model = mlflow.pyfunc.load_model(f"models:/sparsefaces@{alias}")
        trained = load_model(finished.path(f"train_{alias}/model.safetensors"))
        X, scaling = np.load(finished.path("standardize/X.npy"))[:5], np.load(finished.path("standardize/scaling.npz"))
        codes = trained.encode(X)
        pixels = trained.decode(codes) * scaling["scale"] + scaling["mean"]
        for given in (faces, faces.reshape(5, -1)):  # images or rows
            assert model.predict(given).shape == given.shape
            assert model.predict(given).reshape(5, -1) == pytest.approx(pixels, abs=1e-5)
            assert model.predict(given, params={"output": "codes"}) == pytest.approx(codes, abs=1e-4)
        signature = mlflow.models.get_model_info(f"models:/sparsefaces@{alias}").signature
        assert signature.outputs.inputs[0].shape == (-1, 14, 11)
        with pytest.raises(Exception, match=r"must be in \[0, 1\]"):
            model.predict(faces * 255)
        with pytest.raises(Exception, match="the model is for 154"):
            model.predict(faces[:, :2])
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/sparsefaces@{alias}"))
        files = {file.name for file in folder.rglob("*") if file.is_file()}
        assert {"served_model.py", "model.safetensors", "scaling.npz"} <= files
        assert not [name for name in files if name.endswith((".pkl", ".pickle"))]
        served = next(folder.rglob("served_model.py")).read_text()
        assert not re.findall(r"^(?:from|import) sparsefaces.*", served, flags=re.MULTILINE)  # it stands alone
        pinned = (folder / "requirements.txt").read_text().split()
        assert [line.split("==")[0] for line in pinned] == ["mlflow", "numpy", "safetensors"]
