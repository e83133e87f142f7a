import pytest

from sparsefaces.base.errors import UserError
from sparsefaces.exercise_table import TOLERANCE, compare_with_exercise, exercise_table, format_comparisons


def exercise_as_history():
    rows = exercise_table()
    names = ("step", *TOLERANCE)
    return {
        model: [{name: float(row[name]) for name in names} for row in rows if row["model"] == model]
        for model in ("dense", "sparse")
    }


def test_compare__the_exercise_agrees_with_itself():
    compared = compare_with_exercise(exercise_as_history())
    assert len(compared) == 22
    assert not any(one.off for one in compared)
    assert "off" not in format_comparisons(compared)


@pytest.mark.parametrize(("term", "tolerance"), [("rec", 0.18), ("spa", 0.10), ("ent", 0.15), ("reg", 0.04)])
def test_compare__a_value_beyond_its_tolerance_is_off_and_named(term, tolerance):
    for factor, off in ((1 + 0.99 * tolerance, 0), (1 - 1.01 * tolerance, 1)):
        histories = exercise_as_history()
        histories["sparse"][4][term] *= factor
        compared = compare_with_exercise(histories)
        assert sum(len(one.off) for one in compared) == off
        assert (f"off: {term}" in format_comparisons(compared)) == bool(off)


def test_compare__reg_at_step_0_has_an_absolute_tolerance():
    histories = exercise_as_history()
    histories["dense"][0]["reg"] = 0.02
    assert [one.off for one in compare_with_exercise(histories) if one.off] == [["reg"]]


def test_compare__history_without_a_row_is_an_error_that_says_what_it_needs():
    histories = exercise_as_history()
    del histories["sparse"][3]
    with pytest.raises(UserError, match=r"train_sparse/history.csv has no row of step 3000"):
        compare_with_exercise(histories)
