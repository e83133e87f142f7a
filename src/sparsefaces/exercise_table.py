"""The exercise's printed table, and whether our trainings agree with it row by row."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from tabulate import tabulate

from sparsefaces.base.environment import LIBRARY
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import read_csv
from sparsefaces.training.outputs import Row

# Relative tolerances: the noise of one minibatch of 100 and of the seed, not slack for another algorithm.
TOLERANCE = {"rec": 0.18, "spa": 0.10, "ent": 0.15, "reg": 0.04}
ABSOLUTE = 0.01  # half a unit of the last printed digit and more: matters for reg, which starts at 0


class Comparison(NamedTuple):
    """One row of the table.

    Attributes:
        model: dense or sparse.
        step: Iteration.
        ours: Our row of that step.
        theirs: The exercise's rec, spa, ent and reg.
    """

    model: str
    step: int
    ours: Row
    theirs: Row

    @property
    def off(self) -> list[str]:
        """The terms that differ by more than the tolerance."""
        allowed = {term: max(ABSOLUTE, TOLERANCE[term] * value) for term, value in self.theirs.items()}
        return [term for term, value in self.theirs.items() if abs(self.ours[term] - value) > allowed[term]]


def compare_with_exercise(histories: Mapping[str, Sequence[Row]]) -> list[Comparison]:
    """Compare histories of both trainings with every row of the exercise's table.

    Args:
        histories: Rows of history.csv by model name, dense and sparse.

    Returns:
        A comparison per row, in the table's order.

    Raises:
        UserError: A history lacks a row of the table.
    """
    compared = []
    for row in exercise_table():
        model, step = row["model"], int(row["step"])
        ours = next((mine for mine in histories[model] if mine["step"] == step), None)
        if ours is None:
            raise UserError(
                f"stages/train_{model}/history.csv has no row of step {step}: the comparison needs "
                "train.iterations 10001 and a train.log_every that divides 1000"
            )
        compared.append(Comparison(model, step, ours, {term: float(row[term]) for term in TOLERANCE}))
    return compared


def exercise_table() -> list[dict[str, str]]:
    """Read the exercise's table: model, lambda, step, rec, spa, ent and reg, 11 rows per model."""
    return read_csv(LIBRARY / "exercise_table.csv")


def format_comparisons(compared: Sequence[Comparison]) -> str:
    """Lay comparisons out, one line per row: ours, theirs and the difference in percent for each term."""
    headers = ["model", "step", *chain.from_iterable((term, "exercise", "") for term in TOLERANCE), "verdict"]
    rows = []
    for one in compared:
        terms = [(one.ours[term], theirs) for term, theirs in one.theirs.items()]
        cells = chain.from_iterable((f"{ours:.2f}", f"{theirs:.2f}", _percent(ours, theirs)) for ours, theirs in terms)
        rows.append([one.model, one.step, *cells, f"off: {', '.join(one.off)}" if one.off else "agrees"])
    alignment = ("left", *["right"] * (len(headers) - 2), "left")
    return str(tabulate(rows, headers, tablefmt="plain", disable_numparse=True, colalign=alignment))


def _percent(ours: float, theirs: float) -> str:
    return f"{ours / theirs - 1:+.1%}" if theirs else ""
