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


def weights(project, stage="train_sparse"):
    return load_file(project.path(stage) / "model.safetensors")


def assert_alike(one, other):
    for name, tensor in one.items():
        np.testing.assert_allclose(other[name], tensor, rtol=0, atol=1e-4 * np.abs(tensor).max(), err_msg=name)


def runs_of(project, stage="train_sparse"):
    client = MlflowClient(tracking_uri=f"sqlite:///{project.folder / 'mlflow.db'}")
    return [run for run in client.search_runs(["1"]) if run.data.tags.get("stage") == stage]


def forget(project, stage="train_sparse"):
    """Let DVC make a training again, which it would restore from its cache."""
    for name in ("model.safetensors", "history.csv", "metrics.json"):
        (project.path(stage) / name).unlink()
    return ["dvc", "repro", "--force", "-s", stage]


def torchrun(count):
    """Start a training by torchrun, on this machine, in so many processes."""
    return [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(count),
        "src/train.py",
    ]


def test_train__by_torchrun_is_shared_and_killed_it_goes_on_with_another_number_of_processes(copied, tmp_path):
    alone = weights(copied)
    forget(copied)
    copied.set_params({"machine": {"checkpoint_every": 10}})
    gate = Gate(tmp_path / "kill", at_step(15))
    process = copied.start(*torchrun(2), "train_sparse", gate=gate)
    gate.wait(process, "train_sparse.0")
    os.kill(gate.wait(process, "train_sparse.1"), signal.SIGKILL)
    gate.open()
    said = process.end(None)  # by gloo's message or torchrun's signal, whichever comes first
    assert process.returncode != 0
    assert "SIGKILL" in said
    assert "the next run goes on from the last checkpoint" in said or "interrupted" in said
    said = copied.run(*torchrun(3), "train_sparse")
    assert "continues from the checkpoint of step 10" in said
    assert said.count("nbit") == 1, said  # one table
    assert_alike(alone, weights(copied))
    assert runs_of(copied)[0].info.status == "FINISHED"


def test_train__by_torchrun_that_cannot_meet_says_why(copied):
    said = copied.run(*torchrun(2), "train_dense", code=1, GLOO_SOCKET_IFNAME="another0")
    assert "the 2 processes of this training do not meet: " in said
    assert "another0" in said


def test_train__machines_with_other_parameters_are_refused(copied, tmp_path):
    other = Project(shutil.copytree(copied.folder, tmp_path / "other", symlinks=True))
    other.set_params({"train_dense": {"lambda": 0.25}})
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"localhost:{free_port()}", "--local-addr", "localhost"]
    processes = [project.start(*command, "src/train.py", "train_dense") for project in (copied, other)]
    said = "".join(process.end(None) for process in processes)
    assert all(process.returncode for process in processes)
    assert "process 1 of 2: its parameters are not the first one's: give all machines the same src, params.yaml" in said
