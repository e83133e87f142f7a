"""One process makes a stage at a time: others wait for it, and it does not outlive the DVC that started it."""

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from sparsefaces.base.interrupts import asked_to_stop
from sparsefaces.base.params import PARAMS_FILE

SECONDS_BETWEEN_LOOKS = 1.0


@contextmanager
def alone(work: str) -> Iterator[None]:
    """Wait until no other process does this work, such as a stage, in this folder; let none begin within the block."""
    if not PARAMS_FILE.is_file():  # no project's folder: the script says so, and leaves nothing in it
        yield
        return
    path = Path(".scratch") / f"{re.sub('[^a-z_]', '_', work)}.lock"
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"another process is still at {work} in this folder: waiting for its end", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def stop_with_dvc() -> None:
    """Stop this process, as SIGTERM does, soon after the DVC that started it has ended.

    DVC that is killed (a closed terminal, the kernel short of memory) leaves its stages alive. Their results would
    never be recorded, and the next `dvc repro` would make them again.
    """
    if "DVC_STAGE" in os.environ:
        threading.Thread(target=_watch, args=(_up_to_dvc(),), name="stop with dvc", daemon=True).start()


def _up_to_dvc() -> list[psutil.Process]:
    """List the processes from this one's parent up to DVC's; the parent alone if DVC is not among them."""
    parents: list[psutil.Process] = psutil.Process().parents()
    for count, parent in enumerate(parents, start=1):
        try:
            if any("dvc" in Path(word).name for word in parent.cmdline()[:3]):
                return parents[:count]
        except psutil.Error:
            break
    return parents[:1]


def _watch(processes: Sequence[psutil.Process]) -> None:
    while all(map(_is_alive, processes)):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if asked_to_stop.is_set():  # as by a signal to all; a second one would stop it in the midst of a step
        return
    with suppress(OSError):  # the terminal may be gone with it
        print("DVC, which started this stage, has ended: so does it", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
