"""Faults at random moments of whole pipelines, several in a row: the next `dvc repro` ends in the same bytes.

FAULTS says how many (`make faults`: 200; 5 else, since each costs some ten seconds), FAULTS_SEED which.
"""

import json
import os
import random
import shutil
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from conftest import ROOT, Project
from gates import Gate
from mlflow import MlflowClient

FAULTS = int(os.environ.get("FAULTS", "5"))
IN_A_ROW = 5
CHAINS = -(-FAULTS // IN_A_ROW)
STAGES = ("fetch", "standardize", "train_dense", "train_sparse", "analyze")
KINDS = ("files", "files", "imports")
ACTIONS = ("SIGKILL", "SIGTERM", "SIGINT", "disk full")
# Makes every stage stale.
CHANGES = {"fetch": {"resize": [13, 11]}, "machine": {"checkpoint_every": 10}}


def stale(finished, folder):
    project = Project(folder / "project")
    shutil.copytree(finished.folder, project.folder, symlinks=True)
    shutil.copytree(ROOT / "tools", project.folder / "tools")
    project.set_params(CHANGES)
    return project


@pytest.fixture(scope="module")
def undisturbed(finished, tmp_path_factory):
    """The results without a fault, and how much each process counted to at most."""
    folder = tmp_path_factory.mktemp("undisturbed")
    project = stale(finished, folder)
    counts = folder / "counts"
    counts.mkdir()
    env = {"FAULT": json.dumps({"process": ""}), "FAULT_COUNTS": str(counts)}
    project.run("dvc", "repro", **Gate(folder / "gate").env | env)
    most = {}
    for file in counts.iterdir():
        name = file.name.rpartition("-")[0]
        most[name] = Counter(most.get(name)) | Counter(json.loads(file.read_text()))
    assert set(most) >= {"dvc", *STAGES}
    return project.results(), most


def draw(rng, most, past):
    """Draw a fault in DVC, or in a stage that is not made yet for all that is known."""
    process = rng.choice(["dvc", *STAGES[past:], *(["job"] if "job" in most else [])])
    kind = rng.choice(KINDS)
    action = rng.choice(ACTIONS)
    return {
        "process": process,
        "kind": kind,
        # Not all of DVC's processes do as much as the one that was counted.
        "count": rng.randint(1, max(1, most[process][kind] // (4 if process == "dvc" else 1))),
        "action": action,
        "victim": "process" if action == "disk full" else rng.choice(("process", "group")),
    }


@pytest.mark.parametrize("chain", range(CHAINS))
def test_repro__ends_in_the_same_bytes_after_faults(finished, undisturbed, tmp_path, record_property, chain):
    expected, most = undisturbed
    rng = random.Random(f"{os.environ.get('FAULTS_SEED', '0')} {chain}")
    command = ["dvc", "repro"] if chain % 2 else ["tools/repro.sh"]
    gate, project, past = Gate(tmp_path / "gate"), stale(finished, tmp_path / "0"), 0
    left = min(IN_A_ROW, FAULTS - chain * IN_A_ROW)
    for number in count():
        fault = draw(rng, most, past) | {"mark": str(tmp_path / f"fault-{number}")}
        said = struck_by(fault, project, command, gate)
        assert "Traceback" not in said or fault["process"] == "dvc", f"{fault}:\n{said}"
        if not Path(fault["mark"]).exists():  # what it was for had been made
            assert_right(project, expected)
            project, past = stale(finished, tmp_path / str(number + 1)), 0
            continue
        record_property("fault", f"{fault['action']} to the {fault['victim']}: {fault['process']}")
        past = max(past, STAGES.index(fault["process"]) if fault["process"] in STAGES else 0)
        left -= 1
        if not left:
            break
    project.run(*command)
    assert_right(project, expected)


def assert_right(project, expected):
    """Compare the results with the undisturbed ones; each training and comparison has one finished run more."""
    assert project.results() == expected
    runs = MlflowClient(tracking_uri=f"sqlite:///{project.folder / 'mlflow.db'}").search_runs(["1"])
    assert "RUNNING" not in {run.info.status for run in runs}
    finished = Counter(run.data.tags["stage"] for run in runs if run.info.status == "FINISHED")
    assert finished == dict.fromkeys(("train_dense", "train_sparse", "analyze"), 2)


def struck_by(fault, project, command, gate):
    """Run a command with a fault in it; return what was said until all of its processes had ended."""
    process = project.start(*command, gate=gate, FAULT=json.dumps(fault))
    return process.end(None)
