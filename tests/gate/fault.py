"""One fault in a process, at a moment that is counted in what it does: modules imported, files written or renamed.

Taken into each Python process that has FAULT in its environment, a JSON object:

    process  dvc, a stage, or job (what analyze starts)
    kind     imports or files: what is counted
    count    the fault comes when so many have been
    action   the name of a signal, or "no space": from then on, this process can write no more than 4 kB into a file
    victim   process or group
    mark     a file that says that the fault has come: it comes once

FAULT_COUNTS names a folder where each process leaves what it counted to.
"""

import atexit
import json
import os
import resource
import signal
import sys
import threading
from collections import Counter
from pathlib import Path

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def name_of(command):
    """Name a process by its command line: dvc, job, or the stage."""
    words = [Path(word).name for word in command[1:]]
    if "--multiprocessing-fork" in words:
        return "job"
    if words[:1] == ["dvc"]:
        return "dvc"
    return words[1] if len(words) > 1 else Path(words[0]).stem if words else ""


def kind_of(event, arguments):
    """Tell what an audit event counts as; None if as nothing."""
    if event == "import":
        return "imports"
    if event in ("os.rename", "os.mkdir", "os.remove", "os.link", "sqlite3.connect"):
        return "files"
    if event == "open" and not isinstance(arguments[0], int) and arguments[0] != os.devnull:
        mode, flags = arguments[1], arguments[2]
        if set(mode or "") & set("wax+") or (isinstance(flags, int) and flags & WRITES):
            return "files"
    return None


class Fault:
    """Counts the events of this process and makes the fault."""

    def __init__(self, fault):
        self._fault, self._counts = fault, Counter()
        self._here = threading.local()  # what this hook does itself is not counted

    def __call__(self, event, arguments):
        kind = None if getattr(self._here, "busy", False) else kind_of(event, arguments)
        if kind is None:
            return
        self._here.busy = True
        try:
            self._counts[kind] += 1
            if kind == self._fault.get("kind") and self._counts[kind] == self._fault["count"]:
                self._strike()
        finally:
            self._here.busy = False

    def _strike(self):
        try:
            Path(self._fault["mark"]).touch(exist_ok=False)
        except FileExistsError:
            return
        if self._fault["action"] == "no space":
            # As on a full disk, a write ends in the midst, also one of SQLite's or of other native code.
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        elif self._fault["victim"] == "group":
            os.killpg(0, signal.Signals[self._fault["action"]])
        else:
            os.kill(os.getpid(), signal.Signals[self._fault["action"]])

    def leave_counts(self, folder, name):
        self._here.busy = True
        (Path(folder) / f"{name}-{os.getpid()}.json").write_text(json.dumps(self._counts))


def install():
    """Count from now on, in a process that the fault is for, or in each if counts are asked for."""
    name, fault = name_of(sys.orig_argv), json.loads(os.environ["FAULT"])
    counts = os.environ.get("FAULT_COUNTS")
    if counts or name == fault["process"]:
        hook = Fault(fault)
        sys.addaudithook(hook)
        if counts:
            atexit.register(hook.leave_counts, counts, name)
