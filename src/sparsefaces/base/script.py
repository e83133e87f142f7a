"""How a stage's script starts and ends."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout

from sparsefaces.base.errors import UserError
from sparsefaces.base.inputs import inputs_of
from sparsefaces.base.progress import say

INTERRUPTED = 130  # anything but 0, or DVC would record a half-made stage as final


def run(main: Callable[[], None], stage: str | None = None) -> None:
    """Run a script's main: a user's mistake ends in one message and exit code 1, an interruption in 130.

    Args:
        main: What the script does.
        stage: The stage that it makes: one process makes it at a time; of torchrun's, the first counts.
    """
    hangup = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else []  # as it is under nohup
    for number in (signal.SIGINT, signal.SIGTERM, *hangup):  # the first is ignored after & in a script
        signal.signal(number, _interrupt)
    try:
        if stage and os.environ.get("RANK", "0") == "0":
            with stage_lock(Path(".scratch", f"{re.sub('[^a-z_]', '_', stage)}.lock"), stage):
                _run_unchanged(main, stage)
        else:
            main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        sys.exit(f"error: {error}; `dvc repro` makes what is missing in stages/")
    except OSError as error:
        if error.filename is None:  # nothing that a user could look at: a bug
            raise
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted: DVC keeps nothing of this stage", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _run_unchanged(main: Callable[[], None], stage: str) -> None:
    """Make a stage; that anything which it runs on has changed meanwhile is a mistake, of which DVC keeps nothing."""
    before = inputs_of(stage)
    main()
    if changed := [name for name, value in inputs_of(stage).items() if before.get(name, value) != value]:
        raise UserError(f"{' and '.join(changed)} changed while {stage} ran: `dvc repro` runs it again")


@contextmanager
def stage_lock(path: Path, stage: str) -> Iterator[None]:
    """Wait until no other process makes a stage; the system frees the lock of one that is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        say(f"another process is still at {stage} in this folder: waiting for its end")
        lock.acquire()
    with lock:
        yield


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
