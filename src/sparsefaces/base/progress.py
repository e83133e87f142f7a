"""Progress of long work: a bar on a terminal, one line every so often in a log."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a line at once, above a bar; that it goes nowhere (`dvc repro | head`, a full disk) ends no training."""
    stream = stream or sys.stdout
    try:
        tqdm.write(line, file=stream)
        stream.flush()
    except OSError:  # what comes later goes nowhere, as Python's documentation of SIGPIPE has it
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def heartbeat(what: Callable[[], str]) -> Iterator[None]:
    """Say every so often what is being done, and for how long, as long as it lasts."""
    start, over = time.monotonic(), threading.Event()

    def beat() -> None:
        while not over.wait(SECONDS_BETWEEN_LINES):
            say(f"{what()} ({time.monotonic() - start:.0f} s since the start)", sys.stderr)

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        over.set()


class Progress:
    """Counts done work."""

    def __init__(self, label: str, total: int = 0, *, unit: str = "it", scale: bool = False) -> None:
        """Start counting.

        Args:
            label: What is being done.
            total: How much there is to do; 0 if that is not known.
            unit: What is counted.
            scale: Whether large counts read as k, M, G.
        """
        self.label, self.total, self.unit, self._done = label, total, unit, 0
        self._last_line = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total or None,
            desc=label,
            unit=unit,
            unit_scale=scale,
            leave=False,
            dynamic_ncols=True,
            disable=not self._terminal,
        )

    def update(self, amount: int = 1) -> None:
        """Count work done since the last call."""
        self._done += amount
        if self._terminal:
            self._bar.update(amount)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            share = f" ({self._done / self.total:.0%})" if self.total else ""
            say(f"{self.label}: {self._done:,} {self.unit}{share}", sys.stderr)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()

    def say(self, line: str) -> None:
        """Print a line above the bar, on standard output; in a log, it counts as a line of progress."""
        self._last_line = time.monotonic()
        say(line)
