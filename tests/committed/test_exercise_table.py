"""Our trainings beside the table that the exercise printed: 22 rows of four terms."""

import csv
from pathlib import Path

import pytest
from projects import ROOT

from sparsefaces.base.files import read_history

TABLE = list(csv.DictReader(Path(__file__).with_name("exercise_table.csv").open(encoding="utf-8")))
# The noise of one minibatch of 100 and of the seed, not slack for another algorithm.
TOLERANCE = {"rec": 0.18, "spa": 0.10, "ent": 0.15, "reg": 0.04}


@pytest.mark.parametrize("term", TOLERANCE)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['model']}-{row['step']}")
def test_training__agrees_with_the_exercise(row, term):
    history = read_history(ROOT / f"stages/train_{row['model']}/history.csv")
    (ours,) = (one[term] for one in history if one["step"] == int(row["step"]))
    # Absolute where the exercise's is 0.00: reg at the start.
    assert ours == pytest.approx(float(row[term]), rel=TOLERANCE[term], abs=0.01)
