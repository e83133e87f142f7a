"""Interruptions that wait for a good moment."""

import signal
import threading
from types import FrameType, TracebackType

from sparsefaces.base.processes import rank_of_process

asked_to_stop = threading.Event()  # set by the first signal


def stop_signals() -> list[int]:
    """List the signals that ask a process to stop; not SIGHUP where nohup had it ignored, and Windows has none."""
    numbers: list[int] = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers


class Interruption:
    """Within its block, the first signal to stop is noted and stops at its end; a second one stops at once.

    One of several processes that train together never stops at once: what started them may signal twice.

    Attributes:
        requested: Whether a signal came: the block should stop where it can be continued from.
    """

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> "Interruption":
        self._former = {number: signal.signal(number, self._note) for number in stop_signals()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self.requested and kind is None:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        asked_to_stop.set()
        if self.requested and rank_of_process() is None:  # else see above
            raise KeyboardInterrupt
        self.requested = True
