"""One result, one run, and never two processes that make one stage: whatever is killed when."""

import os
import re
import signal

import pytest
from gates import DEADLINE, Gate, at_step

# Where a training is killed, time after time, with whom, and from which step the next attempt continues.
KILLS = (
    ("sparsefaces.training.checkpoints:write_bytes", "stage", None),  # about to write its first checkpoint
    ("sparsefaces.tracking.models:_signature", "group", 25),  # in the midst of registering the model
    ("sparsefaces.training.checkpoints:Checkpoints.delete", "stage", 25),  # its run has ended, and DVC has no record
)


@pytest.fixture
def stale(copied):
    """A finished project whose code has changed, but no bit of what it computes, with checkpoints on the way."""
    with (copied.folder / "src/sparsefaces/training/schedules.py").open("a") as file:
        file.write("# a remark\n")
    copied.set_params({"machine": {"checkpoint_every": 10}})
    return copied


def trainings(project):
    """List the runs of the new training, and how many models it registered."""
    runs = project.runs("tags.stage = 'train_sparse'")[:-1]  # but the first, of the finished project
    versions = project.client.search_model_versions("name = 'sparsefaces'")
    registered = [version for version in versions if version.run_id in {run.info.run_id for run in runs}]
    return [run.info.status for run in runs], len(registered)


def test_repro__killed_time_after_time_leaves_one_run_one_model_and_the_same_bytes(stale, finished, tmp_path):
    said = ""
    for number, (point, victim, _) in enumerate(KILLS):
        gate = Gate(tmp_path / f"gate-{number}", point)
        process = stale.start("dvc", "repro", "train_sparse", gate=gate)
        stage = gate.wait(process)
        if victim == "stage":
            os.kill(stage, signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        said += process.end(None)
        assert len(trainings(stale)[0]) <= 1, point
    said += stale.run("dvc", "repro", "train_sparse")
    steps = [int(step) for step in re.findall(r"continues from the checkpoint of step (\d+)", said)]
    assert steps == [step for _, _, step in KILLS if step is not None]
    assert trainings(stale) == (["FINISHED"], 1)
    assert stale.results() == finished.results()
    assert not list((stale.folder / ".scratch/checkpoints").glob("*.npz*"))


def test_repro__waits_for_a_stage_whose_dvc_was_killed(stale, finished, tmp_path):
    gate = Gate(tmp_path / "gate", at_step(15))
    process = stale.start("dvc", "repro", "train_sparse", gate=gate)  # a child of DVC's
    gate.wait(process)
    process.kill()
    process.wait(DEADLINE)
    again = stale.start("dvc", "repro", "train_sparse")
    again.wait_until_said("another process is still at train_sparse in this folder")
    gate.open()
    again.end()
    assert trainings(stale) == (["FINISHED"], 1)
    assert stale.results() == finished.results()


def test_repro__parameters_that_change_meanwhile_are_not_recorded_as_run_with(copied, tmp_path):
    lock = (copied.folder / "dvc.lock").read_text()
    copied.set_params({"standardize": {"holdout": 0.2}})
    gate = Gate(tmp_path / "gate", "sparsefaces.standardize.dataset:save_standardized")
    process = copied.start("dvc", "repro", "standardize", gate=gate)
    gate.wait(process, "standardize")
    copied.set_params({"standardize": {"holdout": 0.3}})
    gate.open()
    assert "params.yaml changed while standardize ran: `dvc repro` runs it again" in process.end(None)
    assert process.returncode
    assert (copied.folder / "dvc.lock").read_text() == lock
