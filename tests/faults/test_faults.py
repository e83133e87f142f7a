"""Signals at random moments of whole pipelines, several in a row: the next `dvc repro` ends in the same bytes.

A search, by `make faults` alone: FAULTS says how many.
"""

import json
import os
import random
import re
from collections import Counter
from pathlib import Path

import psutil
import pytest
import yaml
from gates import wait_until

IN_A_ROW = 5
FAULTS = int(os.environ.get("FAULTS", "60"))
STAGES = ("fetch", "standardize", "train_dense", "train_sparse", "analyze")
# Makes every stage stale.
CHANGES = {"fetch": {"resize": [13, 11]}, "machine": {"checkpoint_every": 10}}


def stale(finished, folder):
    project = finished.copy(folder / "project")
    project.set_params(CHANGES)
    project.env["PYTHONPATH"] = str(Path(__file__).parent)
    del project.env["LOKY_MAX_CPU_COUNT"]  # trainings side by side, as on a user's machine
    return project


@pytest.fixture(scope="module")
def undisturbed(finished, tmp_path_factory):
    """The results without a fault, what dvc.lock holds of each stage, and how much each process counted at most."""
    folder = tmp_path_factory.mktemp("undisturbed")
    project = stale(finished, folder)
    project.run("dvc", "repro", FAULT=json.dumps({"folder": str(folder)}))
    most = Counter()
    for file in folder.glob("*.count"):
        name = file.name.rpartition("-")[0]
        most[name] = max(most[name], int(file.read_text()))
    assert set(most) >= {"dvc", *STAGES}
    return project.results(), locked(project), most


def locked(project):
    return yaml.safe_load((project.folder / "dvc.lock").read_text())["stages"]


@pytest.mark.parametrize("chain", range(-(-FAULTS // IN_A_ROW)))
def test_repro__ends_in_the_same_bytes_after_faults(finished, undisturbed, tmp_path, chain):
    results, lock, most = undisturbed
    rng, command = random.Random(chain), ["dvc", "repro"] if chain % 2 else ["tools/repro.sh"]
    project, struck = stale(finished, tmp_path / "0"), 0
    for number in range(1, 5 * IN_A_ROW):
        now = locked(project)
        name = rng.choice(["dvc", *(stage for stage in STAGES if now[stage] != lock[stage])])
        fault = {"process": name, "count": rng.randint(1, most[name])}
        fault |= {"signal": rng.choice(("SIGKILL", "SIGTERM", "SIGINT")), "group": rng.random() < 0.5}
        process = strike(fault | {"folder": str(project.folder.parent)}, project, command)
        mark = project.folder.parent / "struck"
        if mark.exists():
            mark.unlink()
            struck += 1
        else:  # its moment did not come: one of DVC's processes that had less to do
            assert not process.returncode, process.said()
            assert_right(project, results)
            project = stale(finished, tmp_path / str(number))
        if struck == IN_A_ROW:
            break
    assert struck == IN_A_ROW
    project.run(*command)
    assert_right(project, results)


def strike(fault, project, command):
    """Run a command with a fault in it, until it has ended, and return it; what it has started may go on."""
    process = project.start(*command, FAULT=json.dumps(fault))
    wait_until(lambda: process.poll() is not None)
    lock = project.folder / ".dvc/tmp/rwlock"
    if lock.exists() and not lock.stat().st_size:
        lock.unlink()  # as docs/reproducibility.md says: DVC would not work with what it has left itself
    # A killed DVC that nobody has waited for yet is taken for one that is at work.
    wait_until(lambda: not (lock.exists() and any(map(psutil.pid_exists, pids_in(lock)))))
    return process


def pids_in(lock):
    return map(int, re.findall(r'"pid": (\d+)', lock.read_text()))


def is_at_work(folder):
    """Tell whether a stage runs in a folder: if its DVC was killed as it began, it may make it once more.

    The processes that a killed analyze leaves do nothing, and joblib ends them only after five minutes.
    """
    running = [process.info for process in psutil.process_iter(["cwd", "cmdline"])]
    here = [of["cmdline"] or [] for of in running if (of["cwd"] or "").startswith(str(folder))]
    return any(word.startswith("src/") for words in here for word in words)


def assert_right(project, expected):
    """Compare the results with the undisturbed ones; each training and comparison has one run more, a finished one."""
    wait_until(lambda: not is_at_work(project.folder))
    results = project.results()
    assert {name for name in expected | results if results.get(name) != expected.get(name)} == set()
    runs = Counter((run.data.tags["stage"], run.info.status) for run in project.runs())
    assert runs == {(stage, "FINISHED"): 2 for stage in ("train_dense", "train_sparse", "analyze")}
