"""One result, one run, and never two processes that make one stage: whatever is killed when."""

import os
import re
import signal

import pytest
from gates import DEADLINE, Gate, at_step

# Where one training is killed, time after time, with whom, and from which step the next attempt continues.
KILLS = (
    ("sparsefaces.tracking.runs:_close_killed", "stage", None),
    ("sparsefaces.training.checkpoints:write_bytes", "stage", None),  # about to write a checkpoint
    (at_step(15), "group", 10),
    ("sparsefaces.tracking.runs:TrackedRun.end", "stage", 25),
    ("sparsefaces.tracking.models:_signature", "group", 25),  # in the midst of registering the model
    ("sparsefaces.training.checkpoints:Checkpoints.delete", "stage", 25),  # its run has ended, and DVC has no record
)
CHANGES = {"train_sparse": {"lambda": 0.5}, "machine": {"checkpoint_every": 10}}


@pytest.fixture
def stale(copied):
    """A finished project whose sparse training is out of date, with checkpoints on the way."""
    copied.set_params(CHANGES)
    return copied


def trainings(project):
    """List the runs of the new training, and how many models it registered."""
    runs = project.runs("tags.stage = 'train_sparse' and params.lambda = '0.5'")
    versions = project.client.search_model_versions("name = 'sparsefaces'")
    registered = [version for version in versions if version.run_id in {run.info.run_id for run in runs}]
    return [run.info.status for run in runs], len(registered)


@pytest.fixture(scope="module")
def undisturbed(finished, tmp_path_factory):
    """What the training leaves when nothing is killed."""
    project = finished.copy(tmp_path_factory.mktemp("undisturbed") / "project")
    project.set_params(CHANGES)
    project.run("dvc", "repro", "train_sparse")
    return project.results()


def test_repro__killed_time_after_time_leaves_one_run_one_model_and_the_same_bytes(stale, undisturbed, tmp_path):
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
    assert stale.results() == undisturbed
    assert not list((stale.folder / ".scratch/checkpoints").glob("*.npz*"))


def test_repro__waits_for_a_stage_whose_dvc_was_killed(stale, undisturbed, tmp_path):
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
    assert stale.results() == undisturbed


def test_repro__parameters_that_change_meanwhile_are_not_recorded_as_trained_with(stale, undisturbed, tmp_path):
    gate = Gate(tmp_path / "gate", at_step(15))
    process = stale.start("dvc", "repro", "train_sparse", gate=gate)
    gate.wait(process)
    stale.set_params({"train_sparse": {"lambda": 0.25}})
    gate.open()
    assert "params.yaml changed while train_sparse ran: `dvc repro` runs it again" in process.end(None)
    assert process.returncode
    assert "lambda: 0.5" not in (stale.folder / "dvc.lock").read_text()
    assert "lambda: 0.25" not in (stale.folder / "dvc.lock").read_text()
    stale.set_params(CHANGES)
    assert stale.run("dvc", "repro", "train_sparse").count("nbit") == 1  # trained, not out of DVC's cache of runs
    assert stale.results() == undisturbed
    assert trainings(stale) == (["FINISHED"], 1)
