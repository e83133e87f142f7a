"""`make repro`: both trainings at once, through DVC itself."""

import os
import shutil
import signal

import pytest
from conftest import CORES, ROOT
from gates import Gate, at_step

pytestmark = pytest.mark.skipif(CORES < 2, reason="on one core, trainings take turns")


@pytest.fixture
def started(project):
    """A project whose trainings have everything that they need, and the script of `make repro`."""
    (project.folder / "tools").mkdir()
    shutil.copy(ROOT / "tools/repro.sh", project.folder / "tools/repro.sh")
    return project


def test_repro__side_by_side_passes_a_failure_on(started):
    started.set_params({"train": {"batch_size": 401}})
    output = started.run("tools/repro.sh", code=None)
    assert output.count("error: train.batch_size is 401, but there are 400 faces") == 2
    assert "Running stage 'analyze'" not in output
    assert started.run("tools/repro.sh", code=255)


def test_repro__ctrl_c_ends_both_and_the_next_run_continues_both(started, tmp_path):
    gate = Gate(tmp_path / "gate", at_step(15))
    process = started.start("tools/repro.sh", gate=gate)
    for training in ("train_dense", "train_sparse"):
        gate.wait(process, training)
    os.killpg(process.pid, signal.SIGINT)
    gate.open()
    said = process.end(130)
    assert said.count("the next run continues from here") == 2
    assert "Traceback" not in said
    again = started.run("tools/repro.sh")
    assert again.count("continues from the checkpoint of step 16") == 2
    assert started.path("analyze/report.html").exists()
