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
    """One term of one row.

    Attributes:
        model: dense or sparse.
        step: Iteration.
        term: rec, spa, ent or reg.
        ours: Our value.
        theirs: The exercise's.
    """

    model: str
    step: int
    term: str
    ours: float
    theirs: float

    @property
    def agrees(self) -> bool:
        """Whether the two differ by no more than the tolerance."""
        return abs(self.ours - self.theirs) <= max(ABSOLUTE, TOLERANCE[self.term] * self.theirs)


def compare_with_exercise(histories: Mapping[str, Sequence[Row]]) -> list[Comparison]:
    """Compare histories of both trainings with every row of the exercise's table.

    Args:
        histories: Rows of history.csv by model name, dense and sparse.

    Returns:
        Four comparisons per row, in the table's order.

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
        compared += [Comparison(model, step, term, ours[term], float(row[term])) for term in TOLERANCE]
    return compared


def exercise_table() -> list[dict[str, str]]:
    """Read the exercise's table: model, lambda, step, rec, spa, ent and reg, 11 rows per model."""
    return read_csv(LIBRARY / "exercise_table.csv")


def format_comparisons(compared: Sequence[Comparison]) -> str:
    """Lay comparisons out, one line per row: ours, theirs and the difference in percent for each term."""
    headers = ["model", "step", *chain.from_iterable((term, "exercise", "") for term in TOLERANCE), "verdict"]
    rows = []
    for start in range(0, len(compared), len(TOLERANCE)):
        row = compared[start : start + len(TOLERANCE)]
        cells = chain.from_iterable((f"{one.ours:.2f}", f"{one.theirs:.2f}", _percent(one)) for one in row)
        off = ", ".join(one.term for one in row if not one.agrees)
        rows.append([row[0].model, row[0].step, *cells, f"off: {off}" if off else "agrees"])
    alignment = ("left", *["right"] * (len(headers) - 2), "left")
    return str(tabulate(rows, headers, tablefmt="plain", disable_numparse=True, colalign=alignment))


def _percent(one: Comparison) -> str:
    return f"{one.ours / one.theirs - 1:+.1%}" if one.theirs else ""
