"""The cache: several processes make a thing once, and the oldest of a name goes."""

import os
import subprocess
import sys

import numpy as np
from gates import DEADLINE
from projects import ROOT

from sparsefaces.base import cache
from sparsefaces.base.cache import code_hash, load_cached, save_cached, scratch_path


def test_scratch__forgets_the_oldest_of_a_name_only(in_tmp):
    save_cached("fits/b", "0", {"W": np.zeros(1)})
    for number in range(10):
        save_cached("fits/a", str(number), {"W": np.zeros(1)})
    assert len(list(scratch_path("fits").glob("a-*.npz"))) == 8
    assert load_cached("fits/b", "0") is not None
    assert load_cached("fits/a", "9") is not None


EXPERIMENT = """
import os, sys, time
from pathlib import Path
import numpy as np
from sparsefaces.base.cache import cached, load_cached, save_cached

def make():
    with open("made", "a") as file:
        file.write("x")
    while len(list(Path().glob("here-*"))) < 3:  # the others come while it is being made
        time.sleep(0.01)
    return {"W": np.arange(100_000)}

Path(f"here-{os.getpid()}").touch()
assert cached("fits/a", "k", make, "Fitting")["W"][-1] == 99_999
for number in range(60):
    save_cached("fits/b", str(number % 12), {"W": np.full(1000, number % 12)})
"""


def test_scratch__experiments_at_once_make_a_thing_once_and_write_over_nothing(in_tmp):
    command = [sys.executable, "-c", EXPERIMENT]
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    experiments = [subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        said = [experiment.communicate(timeout=DEADLINE)[1] for experiment in experiments]
    finally:  # one that ended before it came would leave another waiting for it
        for experiment in experiments:
            experiment.kill()
    assert [experiment.returncode for experiment in experiments] == [0, 0, 0], said
    assert (in_tmp / "made").read_text() == "x"
    for path in scratch_path("fits").glob("b-*.npz"):
        number = path.stem.removeprefix("b-")
        assert set(load_cached("fits/b", number)["W"].tolist()) == {int(number)}


def test_code_hash__is_of_the_sources_and_of_what_they_are_called_not_of_what_python_leaves(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "LIBRARY", tmp_path)
    source = tmp_path / "base" / "a.py"
    (tmp_path / "base/__pycache__").mkdir(parents=True)
    source.write_text("1")
    first = code_hash("base", packages=())
    (tmp_path / "base/__pycache__/a.pyc").write_text("x")
    assert code_hash("base", packages=()) == first
    source.write_text("2")
    second = code_hash("base", packages=())
    source.rename(source.with_name("b.py"))
    assert len({first, second, code_hash("base", packages=()), code_hash("base")}) == 4
