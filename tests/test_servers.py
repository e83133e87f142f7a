"""Trainings tracked on real servers, which go away and come back."""

import re
import signal
import subprocess
import time

import pytest
from servers import Server, assert_complete, copy_project, free_port

LONG = {"train": {"iterations": 12_000, "log_every": 100}, "tracking": {"log_pictures_every": 4000}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    server.kill()


@pytest.fixture
def tracked(finished, server, tmp_path):
    """A finished project that no run on the server is known of."""
    project = copy_project(finished, tmp_path / "project")
    project.env["MLFLOW_TRACKING_URI"] = server.url
    project.set_params({"train": {"seed": int(time.time() * 1000) % 1_000_000}})
    return project


def start(project, *command):
    return subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_values(server, seed, count=1):
    """Wait until a training's run has values; return the run."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for run in runs_of(server, seed):
            if len(server.client.get_metric_history(run.info.run_id, "batch/rec")) >= count:
                return run
        time.sleep(0.2)
    raise AssertionError("nothing was logged")


def runs_of(server, seed):
    return [run for run in server.runs(stage="train_sparse") if run.data.params.get("seed") == str(seed)]


def seed_of(project):
    return int(re.search(r"seed: (\d+)", (project.folder / "params.yaml").read_text()).group(1))


def test_server__training_shows_live_and_a_killed_process_is_continued_in_its_run(tracked, server):
    tracked.set_params(LONG | {"machine": {"checkpoint_every": 500}})
    process = start(tracked, "python", "src/train.py", "train_sparse")
    run = wait_for_values(server, seed_of(tracked), 10)
    assert run.info.status == "RUNNING"
    time.sleep(1)
    process.kill()
    process.wait(30)
    logged = server.client.get_metric_history(run.info.run_id, "batch/rec")
    assert 10 <= len(logged) < 120
    output = tracked.run("python", "src/train.py", "train_sparse")
    assert "continues from the checkpoint" in output
    (run,) = runs_of(server, seed_of(tracked))
    assert run.info.status == "FINISHED"
    assert assert_complete(server.client, run, tracked.path("train_sparse/history.csv")) >= 9 * 120
    assert {"batch/steps_per_second", "system/cpu_utilization_percentage"} <= set(run.data.metrics)


def test_server__killed_midway_and_started_again_has_every_value_once_in_the_same_run(tracked, server):
    tracked.set_params(LONG | {"train": {"iterations": 25_000, "log_every": 100}})
    process = start(tracked, "dvc", "repro", "-s", "train_sparse")
    run = wait_for_values(server, seed_of(tracked))
    server.kill()
    time.sleep(4)
    server.start()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert output.count("warning") == 1, output
    tracked.run("python", "src/track.py")
    again = server.client.get_run(run.info.run_id)
    assert again.info.status == "FINISHED"
    assert_complete(server.client, again, tracked.path("train_sparse/history.csv"))


def test_server__hanging_one_costs_no_time_and_gets_the_rest_from_track(tracked, server):
    tracked.set_params(LONG)
    process = start(tracked, "dvc", "repro", "-s", "train_sparse")
    run = wait_for_values(server, seed_of(tracked))
    server.signal(signal.SIGSTOP)
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        server.signal(signal.SIGCONT)
    assert process.returncode == 0, output
    assert output.count("warning") == 1, output
    assert "`make track` delivers it" in output
    output = tracked.run("python", "src/track.py")
    assert "train_sparse" in output
    again = server.client.get_run(run.info.run_id)
    assert again.info.status == "FINISHED"
    assert_complete(server.client, again, tracked.path("train_sparse/history.csv"))
    assert "nothing to log" in tracked.run("python", "src/track.py")


def test_server__down_at_the_start_stops_with_the_ways_on_or_goes_on_where_it_is_set_so(tracked, server):
    address = f"http://127.0.0.1:{free_port()}"
    start = time.monotonic()
    output = tracked.run("python", "src/train.py", "train_dense", code=1, MLFLOW_TRACKING_URI=address)
    assert time.monotonic() - start < 10
    assert output.count("error: ") == 1
    assert "Traceback" not in output
    assert "nbit" not in output
    for words in (address, "Start or repair it", "unset MLFLOW_TRACKING_URI", "tracking.on_failure: continue"):
        assert words in output
    tracked.set_params({"tracking": {"on_failure": "continue"}})
    output = tracked.run("python", "src/train.py", "train_dense", MLFLOW_TRACKING_URI=address)
    assert output.count("warning") == 1
    output = tracked.run("python", "src/track.py")
    assert "logged train_dense" in output
    (run,) = server.runs(stage="train_dense", **{"model.sha256": sha256(tracked.path("train_dense/model.safetensors"))})
    assert_complete(server.client, run, tracked.path("train_dense/history.csv"))


def sha256(path):
    from sparsefaces import files

    return files.sha256(path)
