"""What a training shows on the terminal: the exercise's table, and a progress bar beside it."""

from typing import TYPE_CHECKING

from sparsefaces.base.progress import Progress
from sparsefaces.training.outputs import Row

if TYPE_CHECKING:
    from sparsefaces.training.engine import Engine

ITERATIONS_PER_LINE = 1000
HEADER = f"{'nbit':>6} {'rec':>9} {'spa':>9} {'ent':>9} {'reg':>9}"


class TrainingTable:
    """Prints one line of the table every 1000 iterations and the last."""

    def __init__(self, label: str, iterations: int) -> None:
        """Print the header; `label` names the training beside the bar."""
        self._last = iterations - 1
        self._next_line = self._done = 0
        self._progress = Progress(label, iterations, unit="it")
        self._progress.say(HEADER)

    def on_step(self, step: int, row: Row | None, engine: "Engine | None" = None) -> None:
        """Take note of a finished step and, if one is due, its row of the history."""
        self._progress.update(step + 1 - self._done)  # a training that continues starts further on
        self._done = step + 1
        if row is not None and (step >= self._next_line or step == self._last):
            self._progress.say(format_row(row))
            self._next_line = (step // ITERATIONS_PER_LINE + 1) * ITERATIONS_PER_LINE

    def close(self) -> None:
        """Take the bar away."""
        self._progress.close()


def format_row(row: Row) -> str:
    """Lay a row of the history out as a line of the exercise's table."""
    terms = " ".join(f"{row[name]:9.2f}" for name in ("rec", "spa", "ent", "reg"))
    return f"{row['step']:6.0f} {terms}"
