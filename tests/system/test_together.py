"""Trainings side by side, as `make repro` runs them, and one that two processes share, started by torchrun."""

import os
import re
import shutil
import signal
import sys

import numpy as np
import pytest
from gates import Gate, at_step
from joblib import cpu_count
from projects import ROOT
from safetensors.numpy import load_file

TRAININGS = ("train_dense", "train_sparse")


@pytest.mark.skipif(cpu_count() < 2, reason="on one core, trainings take turns")
def test_repro__each_line_arrives_on_a_terminal_when_it_is_written_and_whole(copied, tmp_path):
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, copied.folder)
    (copied.folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "requirements.lock", copied.folder / ".venv/.ready")  # no other is made
    if mawk := shutil.which("mawk"):  # which keeps what it reads until the end, where it is awk
        (copied.folder / ".venv/bin/awk").symlink_to(mawk)
    copied.set_params({"train": {"seed": 2}})
    gate = Gate(tmp_path / "gate", at_step(5))
    process = copied.start("make", "repro", gate=gate, terminal=True, LOKY_MAX_CPU_COUNT="2")
    for training in TRAININGS:
        gate.wait(process, training)
    for training in TRAININGS:
        process.wait_until_said(f"{training} |      0 ")
    gate.open()
    for training in TRAININGS:
        process.wait_until_said(f"{training} |     24 ")
    os.killpg(process.pid, signal.SIGINT)  # the rest is not of this test
    lines = re.sub(r"\x1b\[\d*m", "", process.end(code=None)).splitlines()  # without DVC's colours
    for training in TRAININGS:
        (header,) = [line for line in lines if "nbit" in line and line.startswith(f"{training} | ")]
        assert header.split()[2:] == ["nbit", "rec", "spa", "ent", "reg"]
    assert [line for line in lines if re.search(r".train_\w+ \| ", line)] == []  # none begins within another


def test_train__by_torchrun_in_two_processes_gives_the_model_of_one(copied):
    path = copied.path("train_sparse/model.safetensors")
    model = load_file(path)
    path.unlink()
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    said = copied.start(*torchrun, "src/train.py", "train_sparse").end()
    assert said.count("nbit") == 1, said  # the first process alone shows and tracks
    for name, tensor in load_file(path).items():
        bound = 1e-4 * np.abs(model[name]).max()
        np.testing.assert_allclose(tensor, model[name], rtol=0, atol=bound, err_msg=name)
    (run,) = copied.runs("tags.stage = 'train_sparse'")
    assert run.info.status == "FINISHED"
