"""Trainings tracked on a real server, which goes away and comes back."""

import math
import re
import shutil
import signal
from itertools import count

import pytest
from gates import DEADLINE, Gate, at_step
from servers import Server, Way

from sparsefaces.base.files import read_history

SEEDS = count(1000)
RUNS = "sparsefaces.tracking.runs:"
AT_ONCE = (f"{RUNS}SECONDS_BETWEEN=0", f"{RUNS}PAUSE=0")
TRAIN = ("python", "src/train.py", "train_sparse")


@pytest.fixture(scope="module")
def server(empty_store, tmp_path_factory):
    """A server of MLflow's that runs, on an empty store."""
    server = Server(tmp_path_factory.mktemp("server"))
    shutil.copy(empty_store, server.database)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def way(server):
    """The only way to the server that the project knows: closed, it is as if the server was killed."""
    way = Way(server.url)
    way.open()
    yield way
    way.close()


@pytest.fixture
def tracked(finished, way, tmp_path):
    """A finished project whose sparse training is out of date, and none of whose runs is on the server."""
    project = finished.copy(tmp_path / "project")
    project.env["MLFLOW_TRACKING_URI"] = way.url
    project.env["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(DEADLINE)  # slow is not down
    project.seed = next(SEEDS)
    project.set_params({"train": {"iterations": 301, "seed": project.seed}, "machine": {"checkpoint_every": 50}})
    project.set_params({"tracking": {"log_pictures_every": 100}})
    return project


@pytest.fixture
def gate(tmp_path):
    """Holds a training twice, with 10 rows brought to the server and with 10 more."""
    return Gate(tmp_path / "gate", at_step(100), at_step(200), *AT_ONCE)


def assert_complete(server, project):
    """Compare every value of a history.csv with those of its only run: each is logged once, and so is each picture."""
    run = server.run_of(project.seed)
    assert run.info.status == "FINISHED"
    rows = read_history(project.path("train_sparse/history.csv"))
    assert [row["step"] for row in rows] == list(range(0, 301, 10))
    for name in rows[0].keys() - {"step"}:
        logged = server.client.get_metric_history(run.info.run_id, f"batch/{name}")
        expected = [(row["step"], row[name]) for row in rows if math.isfinite(row[name])]
        assert sorted((metric.step, metric.value) for metric in logged) == expected
    pictures = [file.path for file in server.client.list_artifacts(run.info.run_id, "images")]
    filters = sorted(int(name.split("+")[2]) for name in pictures if "/filters+" in name)
    assert filters == sorted(2 * [0, 100, 200, 300])  # each in two sizes


def test_server__killed_midway_and_back_before_the_end_has_everything_once(tracked, server, way, gate):
    process = tracked.start(*TRAIN, gate=gate)
    gate.wait(process)
    run = server.run_of(tracked.seed)
    assert run.info.status == "RUNNING"
    logged = server.client.get_metric_history(run.info.run_id, "batch/rec")
    assert [metric.step for metric in logged] == list(range(0, 100, 10))  # it shows while it trains
    way.close()
    gate.pass_one()
    process.wait_until_said("warning")
    way.open()
    gate.open()
    assert process.end().count("warning") == 1, process.said()
    assert_complete(server, tracked)


def test_server__training_that_is_killed_while_the_server_is_away_loses_nothing(tracked, server, way, gate):
    process = tracked.start(*TRAIN, gate=gate)
    gate.wait(process)
    way.close()
    gate.pass_one()
    gate.wait(process)  # at step 200, with a checkpoint that holds what the server lacks
    process.kill()
    process.end(-signal.SIGKILL)
    way.open()
    assert "continues from the checkpoint of step 200" in tracked.run("dvc", "repro", "-s", "train_sparse")
    assert_complete(server, tracked)


def test_server__away_at_the_end_is_one_message_and_later_the_same_bytes_in_seconds(tracked, server, way, tmp_path):
    gate = Gate(tmp_path / "gate", at_step(200), f"{RUNS}SECONDS_TO_WAIT=1", *AT_ONCE)
    process = tracked.start(*TRAIN, gate=gate)
    gate.wait(process)
    way.close()
    gate.open()
    said = process.end(1)
    assert said.count("error: ") == 1
    assert "Traceback" not in said
    assert "`dvc repro` goes on from the last checkpoint" in said
    model = tracked.path("train_sparse/model.safetensors").read_bytes()
    way.open()
    assert "continues from the checkpoint of step 301" in tracked.run("dvc", "repro", "-s", "train_sparse")
    assert tracked.path("train_sparse/model.safetensors").read_bytes() == model
    assert_complete(server, tracked)


def test_server__model_that_is_refused_is_named_once_and_the_rest_arrives(tracked, server, way):
    size = tracked.path("train_sparse/model.safetensors").stat().st_size
    way.largest = size - 1
    said = tracked.run(*TRAIN)
    refused = re.findall("MLflow refuses (.*) of train_sparse", said)
    assert sorted(refused) == ["model.safetensors", "the registered model"]
    assert_complete(server, tracked)
    assert tracked.path("train_sparse/model.safetensors").stat().st_size == size
