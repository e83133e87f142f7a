"""One signal in a process, at a moment that is counted in what it does: files opened for writing, renamed, removed.

Python imports a module of this name when it starts. FAULT says, as JSON, in which process (dvc, or a stage) the signal
comes, at which count, which one, and whether to the process or its group. It comes once; FAULT's folder keeps the mark,
and how many each process counted.
"""

import atexit
import itertools
import json
import os
import signal
import sys
from pathlib import Path

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.link", "sqlite3.connect")
FAULT = json.loads(os.environ.get("FAULT", "{}"))
WORDS = [Path(word).name for word in sys.orig_argv[1:3]]
NAME = "dvc" if WORDS[:1] == ["dvc"] else WORDS[-1].removesuffix(".py") if WORDS else ""
CHANGED = itertools.count(1)


def hear(event, arguments):
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES and arguments[0] != os.devnull
    if writes or event in CHANGES:
        number = next(CHANGED)
        if (NAME, number) == (FAULT.get("process"), FAULT.get("count")):
            strike()


def strike():
    try:
        Path(FAULT["folder"], "struck").touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(0 if FAULT["group"] else os.getpid(), signal.Signals[FAULT["signal"]])


if FAULT:
    atexit.register(lambda: Path(FAULT["folder"], f"{NAME}-{os.getpid()}.count").write_text(str(next(CHANGED))))
    sys.addaudithook(hear)
