"""How a stage's script starts and ends."""

import errno
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

# Before all other imports: until `run` begins, Ctrl-C ends a script as SIGTERM does, without Python's traceback.
if (
    Path(sys.argv[0]).resolve().parent == Path(__file__).resolve().parents[2]
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
if any(find_spec(name) is None for name in ("mlflow", "PIL", "pydantic", "torch")):
    sys.exit("error: this Python lacks the project's packages: `make repro`, or first `. .venv/bin/activate`")
os.environ["MPLBACKEND"] = "agg"  # scripts draw into files; matplotlib refuses to be imported with a wrong name

from collections.abc import Callable
from contextlib import nullcontext
from types import FrameType

from sparsefaces.base.alone import alone
from sparsefaces.base.environment import settle
from sparsefaces.base.errors import UserError
from sparsefaces.base.processes import rank_of_process

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the last: beyond what the file system, or ulimit -f, lets a file be
INTERRUPTED = 130  # anything but 0, or DVC would record a half-made stage as final


def run(main: Callable[[], None], stage: str | None = None) -> None:
    """Run a script's main: a user's mistake ends in one message and exit code 1, Ctrl-C in 130.

    Args:
        main: What the script does.
        stage: The stage that it makes: one process makes it in a workspace at a time.
    """
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as it is under nohup
        numbers.append(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, _terminate)
    try:
        try:
            settle()
            with alone(stage) if stage and not rank_of_process() else nullcontext():  # of several, the first
                main()
        finally:
            # From here on Python takes itself apart: nothing handles an interruption any more.
            for number in numbers:
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
    raise KeyboardInterrupt
