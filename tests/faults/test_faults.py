"""Faults at random moments of whole pipelines, several in a row: the next `dvc repro` ends in the same bytes.

A search, by `make faults` alone: FAULTS says how many, FAULTS_SEED which.
"""

import json
import os
import random
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
import yaml
from gates import wait_until

IN_A_ROW = 5
FAULTS, SEED = int(os.environ.get("FAULTS", "0")), os.environ.get("FAULTS_SEED", "0")
STAGES = ("fetch", "standardize", "train_dense", "train_sparse", "analyze")
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
# Makes every stage stale.
CHANGES = {"fetch": {"resize": [13, 11]}, "machine": {"checkpoint_every": 10}}


def stale(finished, folder):
    project = finished.copy(folder / "project")
    project.set_params(CHANGES)
    project.env["PYTHONPATH"] = str(Path(__file__).parent)
    return project


@pytest.fixture(scope="module")
def undisturbed(finished, tmp_path_factory):
    """The results without a fault, what dvc.lock records of each stage, and how much each process counted at most."""
    folder = tmp_path_factory.mktemp("undisturbed")
    project = stale(finished, folder)
    counts = folder / "counts"
    counts.mkdir()
    project.run("dvc", "repro", FAULT=json.dumps({"counts": str(counts)}))
    most = {}
    for file in counts.iterdir():
        name = file.name.rpartition("-")[0]
        most[name] = Counter(most.get(name)) | Counter(json.loads(file.read_text()))
    assert set(most) >= {"dvc", *STAGES}
    return project.results(), recorded(project), most


def recorded(project):
    return yaml.safe_load((project.folder / "dvc.lock").read_text())["stages"]


def draw(rng, most, undone):
    """Draw a fault in DVC, in a stage that is not made yet, or in what analyze starts."""
    process = rng.choice(["dvc", *undone, *(["job"] if "job" in most else [])])
    kind = rng.choice(("files", "files", "imports"))
    # The first imports are of Python's own start, and not all of DVC's processes do as much as the one counted.
    least, share = (100 if kind == "imports" else 1), (4 if process == "dvc" else 1)
    # Without space for its own index, DVC tries on for ever, until there is some (diskcache's transactions).
    action = rng.choice(SIGNALS if process == "dvc" else (*SIGNALS, "no space"))
    return {
        "process": process,
        "kind": kind,
        "count": rng.randint(least, max(least, most[process][kind] // share)),
        "action": action,
        "victim": "process" if action == "no space" else rng.choice(("process", "group")),
    }


@pytest.mark.parametrize("chain", range(-(-FAULTS // IN_A_ROW)))
def test_repro__ends_in_the_same_bytes_after_faults(finished, undisturbed, tmp_path, chain):
    expected, lock, most = undisturbed
    rng = random.Random(f"{SEED} {chain}")
    command = ["dvc", "repro"] if chain % 2 else ["tools/repro.sh"]
    project, struck, wanted = stale(finished, tmp_path / "0"), 0, min(IN_A_ROW, FAULTS - chain * IN_A_ROW)
    for number in count():
        now = recorded(project)
        fault = draw(rng, most, [stage for stage in STAGES if now[stage] != lock[stage]])
        mark = tmp_path / f"fault-{number}"
        said = struck_by(fault | {"mark": str(mark)}, project, command)
        assert "Traceback" not in said or fault["process"] == "dvc", f"{fault}:\n{said}"
        if mark.exists():
            struck += 1
        else:  # its moment did not come: one of DVC's processes that had less to do
            assert_right(project, expected)
            project = stale(finished, tmp_path / str(number + 1))
        if struck == wanted:
            break
        assert number < 5 * IN_A_ROW, f"only {struck} of {wanted} faults have come"
    project.run(*command)
    assert_right(project, expected)


def assert_right(project, expected):
    """Compare the results with the undisturbed ones; each training and comparison has one run more, a finished one."""
    results = project.results()
    assert {name for name in expected | results if results.get(name) != expected.get(name)} == set()
    project.run("python", "src/track.py")  # what could not be logged for want of space
    said = Counter((run.data.tags["stage"], run.info.status) for run in project.runs())
    assert said == {(stage, "FINISHED"): 2 for stage in ("train_dense", "train_sparse", "analyze")}


def struck_by(fault, project, command):
    """Run a command with a fault in it; return what was said until all of its processes had ended."""
    process = project.start(*command, FAULT=json.dumps(fault))
    said = process.end(None)
    # DVC takes a killed process for a living one until the system has buried it.
    wait_until(lambda: not is_there(process.pid))
    lock = project.folder / ".dvc/tmp/rwlock"
    if lock.exists() and not lock.stat().st_size:
        lock.unlink()  # as docs/reproducibility.md says: DVC would not work with what it has left itself
    return said


def is_there(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
