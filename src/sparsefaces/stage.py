"""How a stage's script starts and ends."""

import signal
import sys
from collections.abc import Callable
from types import FrameType

from sparsefaces.errors import UserError

INTERRUPTED = 130  # anything but 0, or DVC would record a half-made stage as final


def run(main: Callable[[], None]) -> None:
    """Run a script's main: a user's mistake ends in one message and exit code 1, Ctrl-C in 130."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted: nothing of this stage was kept", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Turn SIGTERM into the interruption that everything already handles."""
    raise KeyboardInterrupt
