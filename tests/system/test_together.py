"""A training that several processes share, through DVC and torchrun: tracked once, resumed with any number."""

import os
import shutil
import signal
import sys

import numpy as np
from gates import Gate, at_step
from mlflow import MlflowClient
from projects import Project
from safetensors.numpy import load_file
from servers import free_port

TOGETHER = {"machine": {"processes": 2, "checkpoint_every": 10}}


def weights(project, stage="train_sparse"):
    return load_file(project.path(stage) / "model.safetensors")


def assert_alike(one, other):
    for name, tensor in one.items():
        np.testing.assert_allclose(other[name], tensor, rtol=0, atol=1e-4 * np.abs(tensor).max(), err_msg=name)


def runs_of(project, stage="train_sparse"):
    client = MlflowClient(tracking_uri=f"sqlite:///{project.folder / 'mlflow.db'}")
    return [run for run in client.search_runs(["1"]) if run.data.tags.get("stage") == stage]


def failed(process):
    """Wait until a command has failed, without a traceback, and return what it said."""
    said = process.end(None)
    assert process.returncode != 0
    assert "Traceback" not in said
    return said


def forget(project, stage="train_sparse"):
    """Let DVC make a training again, which it would restore from its cache."""
    for name in ("model.safetensors", "history.csv", "metrics.json"):
        (project.path(stage) / name).unlink()
    return ["dvc", "repro", "--force", "-s", stage]


def test_repro__with_two_processes_gives_the_same_results_within_rounding_in_one_run(copied):
    alone = weights(copied)
    again = forget(copied)
    copied.set_params(TOGETHER)
    said = copied.run(*again)
    assert said.count("nbit") == 1, said  # one table
    assert_alike(alone, weights(copied))
    new, _ = runs_of(copied)
    assert new.data.tags["processes"] == "2"
    assert new.info.status == "FINISHED"
    assert "final/rec" in new.data.metrics


def test_train__killed_or_interrupted_goes_on_with_another_number_of_processes(copied, tmp_path):
    alone = weights(copied)
    again = forget(copied)
    copied.set_params(TOGETHER)
    gate = Gate(tmp_path / "kill", at_step(15))
    process = copied.start(*again, gate=gate)
    gate.wait(process, "train_sparse.0")
    os.kill(gate.wait(process, "train_sparse.1"), signal.SIGKILL)
    gate.open()
    said = failed(process)
    assert "process 1 of those that train the model was killed (SIGKILL)" in said
    assert "the next run goes on from the last checkpoint" in said
    # With three, and Ctrl-C.
    copied.set_params({"machine": {"processes": 3}})
    gate = Gate(tmp_path / "ctrl-c", at_step(20))
    process = copied.start(*again, gate=gate)
    for rank in range(3):
        gate.wait(process, f"train_sparse.{rank}")
    os.killpg(process.pid, signal.SIGINT)
    for rank in range(3):
        gate.wait_until_asked(process, f"train_sparse.{rank}")
    gate.open()
    said = failed(process)
    assert "continues from the checkpoint of step 10" in said
    assert "stopped after step 20: the next run continues from here" in said
    copied.set_params({"machine": {"processes": 1}})
    assert "continues from the checkpoint of step 21" in copied.run(*again)
    assert_alike(alone, weights(copied))
    assert [run.info.status for run in runs_of(copied)] == ["FINISHED", "FINISHED"]


def test_train__by_torchrun_is_shared_too(copied):
    alone = weights(copied, "train_dense")
    forget(copied, "train_dense")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    copied.run(*torchrun, "src/train.py", "train_dense")
    assert_alike(alone, weights(copied, "train_dense"))
    assert runs_of(copied, "train_dense")[0].data.tags["processes"] == "2"


def test_train__machines_with_other_parameters_are_refused(copied, tmp_path):
    other = Project(shutil.copytree(copied.folder, tmp_path / "other", symlinks=True))
    other.set_params({"train_dense": {"lambda": 0.25}})
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    torchrun += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"localhost:{free_port()}", "--local-addr", "localhost"]
    processes = [project.start(*torchrun, "src/train.py", "train_dense") for project in (copied, other)]
    said = "".join(process.end(None) for process in processes)
    assert all(process.returncode for process in processes)
    assert "process 1 of 2: its parameters are not the first one's: give all machines the same src, params.yaml" in said


def test_train__users_mistake_is_said_without_a_traceback(copied):
    copied.set_params({"machine": {"processes": 21}})
    said = copied.run("python", "src/train.py", "train_dense", code=1)
    assert "error: 21 processes cannot share batches of 20 faces" in said
    assert "Traceback" not in said
