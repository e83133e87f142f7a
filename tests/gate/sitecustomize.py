"""In each Python that a test starts behind a gate: hold at the points that the test named until it opens the gate.

Python imports a module of this name when it starts. GATE_AT lists points as module:Class.method, or with =value to
hold only where the first argument has this value, apart from each other by spaces; GATE_SET lists settings as
module:NAME=number, which stand once the module is imported; see tests/gates.py.
"""

import os
import sys
import time
from collections import defaultdict
from functools import wraps
from importlib.machinery import PathFinder
from operator import attrgetter
from pathlib import Path

POINTS = defaultdict(list)
for point in os.environ.get("GATE_AT", "").split():
    POINTS[point.partition(":")[0]].append(point)
SETTINGS = defaultdict(list)
for setting in os.environ.get("GATE_SET", "").split():
    SETTINGS[setting.partition(":")[0]].append(setting.partition(":")[2].split("="))


def hold():
    """Announce this process by stage and rank, and wait until that is taken away; signals are handled meanwhile."""
    folder, stage = Path(os.environ["GATE"]), sys.argv[1] if len(sys.argv) > 1 else Path(sys.argv[0]).stem
    if "TORCHELASTIC_RUN_ID" in os.environ:
        stage += f".{os.environ['RANK']}"
    (folder / f"{stage}.new").write_text(str(os.getpid()))
    (folder / f"{stage}.new").rename(folder / stage)
    while (folder / stage).exists() and not (folder / "open").exists() and has_keeper():
        time.sleep(0.01)


def has_keeper():
    """Tell whether the tests still run: nobody else would open the gate."""
    try:
        os.kill(int(os.environ["GATE_KEEPER"]), 0)
    except ProcessLookupError:
        return False
    return True


def put_gate(module, point):
    """Let a function hold before it does anything."""
    name, _, value = point.partition(":")[2].partition("=")
    owner, _, method = name.rpartition(".")
    owner = attrgetter(owner)(module) if owner else module
    plain = getattr(owner, method)

    @wraps(plain)
    def gated(*arguments, **named):
        if not value or value == str(arguments[1]):
            hold()
        return plain(*arguments, **named)

    setattr(owner, method, gated)


class Finder:
    """Finds the modules with points as Python does, and puts the gates once they are loaded."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in POINTS and name not in SETTINGS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        plain = spec.loader.exec_module

        def exec_module(module):
            plain(module)
            for point in POINTS[name]:
                put_gate(module, point)
            for constant, number in SETTINGS[name]:
                setattr(module, constant, float(number))

        spec.loader.exec_module = exec_module
        return spec


if POINTS or SETTINGS:
    sys.meta_path.insert(0, Finder)
