"""In each Python of a test's project: behind a gate, hold at the points that the test named until it opens the gate.

Python imports a module of this name when it starts. GATE_AT lists points, apart from each other by spaces:
module:Class.method, or with =value to hold only where the first argument has this value. module:CONSTANT=number holds
nothing: it sets the constant once the module is imported. See tests/gates.py.
"""

import gc
import os
import sys
import time
from collections import defaultdict
from functools import wraps
from importlib.machinery import PathFinder
from operator import attrgetter
from pathlib import Path

gc.set_threshold(200_000)  # a process of a test imports and ends: a seventh of its time was a search for garbage
POINTS = defaultdict(list)
for point in os.environ.get("GATE_AT", "").split():
    POINTS[point.partition(":")[0]].append(point)


def hold():
    """Announce this process by its stage, and wait until that is taken away; signals are handled meanwhile."""
    folder, stage = Path(os.environ["GATE"]), sys.argv[1] if len(sys.argv) > 1 else Path(sys.argv[0]).stem
    (folder / f"{stage}.new").write_text(str(os.getpid()))
    (folder / f"{stage}.new").rename(folder / stage)
    while (folder / stage).exists() and not (folder / "open").exists():
        os.kill(int(os.environ["GATE_KEEPER"]), 0)  # fails without the tests' process: nobody would open the gate
        time.sleep(0.01)


def put_gate(module, point):
    """Let a function hold before it does anything, or set a constant."""
    name, _, value = point.partition(":")[2].partition("=")
    owner, _, method = name.rpartition(".")
    owner = attrgetter(owner)(module) if owner else module
    plain = getattr(owner, method)

    @wraps(plain)
    def gated(*arguments, **named):
        if not value or value == str(arguments[1]):
            hold()
        return plain(*arguments, **named)

    setattr(owner, method, gated if callable(plain) else float(value))


class Finder:
    """Finds the modules with points as Python does, and puts the gates once they are loaded."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in POINTS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        plain = spec.loader.exec_module

        def exec_module(module):
            plain(module)
            for point in POINTS[name]:
                put_gate(module, point)

        spec.loader.exec_module = exec_module
        return spec


if POINTS:
    sys.meta_path.insert(0, Finder)
