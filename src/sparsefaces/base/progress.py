"""Progress of long work: a bar on a terminal, one line every so often in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing

from tqdm import tqdm

from sparsefaces.base.arrays import parts

SECONDS_BETWEEN_LINES = 10.0
VALUES_OF_A_PART = 4_000_000  # 32 MB of float64


def in_parts(label: str, count: int, values_each: int, unit: str) -> Iterator[slice]:
    """Cut rows into parts that fit into memory, with progress.

    Args:
        label: What is being done.
        count: How many rows there are.
        values_each: Numbers in a row.
        unit: What the rows are.

    Yields:
        Slices of the rows, in order.
    """
    size = max(1, VALUES_OF_A_PART // values_each)
    with closing(Progress(label, count, unit=unit)) as progress:
        for part in parts(count, size):
            yield part
            progress.update(part.stop - part.start)


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
            print(f"{self.label}: {self._done:,} {self.unit}{share}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()

    def say(self, line: str) -> None:
        """Print a line above the bar, on standard output; in a log, it counts as a line of progress."""
        self._last_line = time.monotonic()
        tqdm.write(line, file=sys.stdout)
