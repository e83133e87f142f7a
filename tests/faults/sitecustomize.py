"""One fault in a process, at a moment that is counted in what it does: modules imported, files written or renamed.

Python imports a module of this name when it starts. FAULT says, as JSON, in which process (dvc, a stage, or job, which
analyze starts) the fault comes, at which count of which kind, and which: the name of a signal, for the process or its
group, or "no space". `mark` is a file by which it comes once, `counts` a folder where processes leave their counts.
"""

import atexit
import json
import os
import resource
import signal
import sys
from collections import Counter
from pathlib import Path

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.link", "sqlite3.connect")
FAULT = json.loads(os.environ.get("FAULT", "{}"))
COUNTS = Counter()


def process_name():
    """Name this process by its command line: dvc, job, or the stage."""
    words = [Path(word).name for word in sys.orig_argv[1:]]
    if any("popen_loky" in word for word in words):
        return "job"
    return "dvc" if words[:1] == ["dvc"] else words[1] if len(words) > 1 else Path(words[0]).stem if words else ""


def hear(event, arguments):
    """Count an audit event, and let the fault come if its moment is there."""
    kind = "imports" if event == "import" else "files" if event in CHANGES else None
    if event == "open" and not isinstance(arguments[0], int) and arguments[0] != os.devnull:
        mode, flags = arguments[1:3]
        kind = "files" if set(mode or "") & set("wax+") or (isinstance(flags, int) and flags & WRITES) else None
    if kind:
        COUNTS[kind] += 1
        if kind == FAULT.get("kind") and COUNTS[kind] == FAULT["count"]:
            strike()


def strike():
    try:
        Path(FAULT["mark"]).touch(exist_ok=False)
    except FileExistsError:
        return
    if FAULT["action"] == "no space":
        # As on a full disk, a write ends in the midst, also one of SQLite's or of other native code.
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    else:
        os.kill(0 if FAULT["victim"] == "group" else os.getpid(), signal.Signals[FAULT["action"]])


def leave_counts():
    (Path(FAULT["counts"]) / f"{process_name()}-{os.getpid()}.json").write_text(json.dumps(COUNTS))


if "counts" in FAULT:
    atexit.register(leave_counts)
if "counts" in FAULT or process_name() == FAULT.get("process"):
    sys.addaudithook(hear)
