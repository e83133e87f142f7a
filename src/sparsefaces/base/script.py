"""How a stage's script starts and ends."""

import errno
import gc
import os
import signal
import sys
from types import FrameType, TracebackType


def _quiet(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show no traceback of an interruption while a script still imports, which takes seconds."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


# Before the imports below: scripts import this module first.
sys.excepthook = _quiet
gc.disable()  # an eighth of the time that torch and MLflow take to be imported (measured); `run` enables it

os.environ["MPLBACKEND"] = "agg"  # scripts draw into files; matplotlib refuses to be imported with a wrong name

# ruff: noqa: E402
from collections.abc import Callable
from contextlib import nullcontext

from sparsefaces.base.alone import alone
from sparsefaces.base.environment import settle
from sparsefaces.base.errors import UserError
from sparsefaces.base.interrupts import asked_to_stop, stop_signals
from sparsefaces.base.processes import rank_of_process

FULL = (errno.ENOSPC, errno.EDQUOT)
INTERRUPTED = 130  # anything but 0, or DVC would record a half-made stage as final


def run(main: Callable[[], None], stage: str | None = None) -> None:
    """Run a script's main: a user's mistake ends in one message and exit code 1, Ctrl-C in 130.

    Args:
        main: What the script does.
        stage: The stage that it makes: one process makes it in a workspace at a time.
    """
    gc.freeze()  # what was imported stays: no collection need look at it again
    gc.enable()
    for number in stop_signals():
        signal.signal(number, _terminate)
    try:
        try:
            settle()
            with alone(stage) if stage and not rank_of_process() else nullcontext():  # of several, the first
                main()
        finally:
            # From here on Python takes itself apart: nothing handles an interruption any more.
            for number in stop_signals():
                signal.signal(number, signal.SIG_DFL)
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.filename is None and error.errno not in FULL:
            raise  # nothing that a user could look at: a bug
        sys.exit(f"error: {error}")
    except MemoryError as error:
        sys.exit(f"error: not enough memory ({error}): lower fetch.resize, train.hidden_units or analyze.most_faces")
    except KeyboardInterrupt:
        print("interrupted: DVC keeps nothing of this stage", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Turn the signal into the interruption that everything already handles."""
    asked_to_stop.set()
    raise KeyboardInterrupt
