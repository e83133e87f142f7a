"""A training that several processes share, by torchrun: tracked once, resumed with any number."""

import os
import signal
import sys

import numpy as np
from gates import Gate, at_step
from safetensors.numpy import load_file
from servers import free_port

TORCHRUN = (sys.executable, "-m", "torch.distributed.run")


def torchrun(count):
    """Start a training on this machine, in so many processes."""
    return [*TORCHRUN, "--standalone", "--nproc-per-node", str(count), "src/train.py"]


def test_train__by_torchrun_is_shared_and_killed_it_goes_on_with_another_number_of_processes(copied, tmp_path):
    model = copied.path("train_sparse/model.safetensors")
    alone = load_file(model)
    model.unlink()
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
    for name, tensor in load_file(model).items():
        bound = 1e-4 * np.abs(alone[name]).max()
        np.testing.assert_allclose(tensor, alone[name], rtol=0, atol=bound, err_msg=name)
    assert copied.runs("tags.stage = 'train_sparse'")[0].info.status == "FINISHED"


def test_train__by_torchrun_that_cannot_meet_says_why(copied):
    said = copied.run(*torchrun(2), "train_dense", code=1, GLOO_SOCKET_IFNAME="another0")
    assert "the 2 processes of this training do not meet: " in said
    assert "another0" in said


def test_train__machines_with_other_parameters_are_refused(copied, tmp_path):
    other = copied.copy(tmp_path / "other")
    other.set_params({"train_dense": {"lambda": 0.25}})
    command = [*TORCHRUN, "--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d"]
    command += ["--rdzv-endpoint", f"localhost:{free_port()}", "--local-addr", "localhost"]
    processes = [project.start(*command, "src/train.py", "train_dense") for project in (copied, other)]
    said = "".join(process.end(None) for process in processes)
    assert all(process.returncode for process in processes)
    assert "process 1 of 2: its parameters are not the first one's" in said
