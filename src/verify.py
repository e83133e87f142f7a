"""Compare the two trainings, row by row, with the table that the exercise printed."""

import sys

from sparsefaces.base.script import run
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import STAGES, read_history
from sparsefaces.exercise_table import TOLERANCE, compare_with_exercise, format_comparisons
from sparsefaces.standardize.dataset import load_provenance
from sparsefaces.training.outputs import TRAININGS


def main() -> None:
    """Print the comparison; exit with 1 if a row is off."""
    source = load_provenance()["source"]
    if source != "lfw":
        raise UserError(f"the exercise used LFW, but these trainings are on {source}: nothing to compare")
    histories = {name: read_history(STAGES / stage / "history.csv") for name, stage in TRAININGS.items()}
    compared = compare_with_exercise(histories)
    print(format_comparisons(compared))
    off, count = sum(len(one.off) for one in compared), len(compared) * len(TOLERANCE)
    print(f"{count - off} of {count} values agree with the exercise")
    sys.exit(1 if off else 0)


if __name__ == "__main__":
    run(main)
