"""The trade-off over a sweep: which trainings are compared, and what is drawn."""

import pytest
from matplotlib.figure import Figure

from sparsefaces.base.errors import UserError
from sparsefaces.review.tradeoff import compare, draw, draw_tradeoff, format_tradeoff
from sparsefaces.tracking.queries import Logged


def run(lambd, data="d", metrics=None, experiment="", **params):
    values = {"lambda": str(lambd), "seed": "1", "iterations": "10", "log_every": "5"} | params
    measured = {"explained_variance": 0.9 - lambd / 10, "l0": 90 - 10 * lambd, "bits": 900 - 100 * lambd}
    found = measured if metrics is None else metrics
    return Logged(
        values,
        {f"final/{name}": value for name, value in found.items()},
        {"data.sha256": data, "dvc.experiment": experiment},
    )


def test_compare__orders_from_sparsest_to_dense_and_keeps_the_experiments_names():
    runs = [run(0.3, experiment="peart-bout"), run(3.0), run(0.0), run(1.0, log_every="7")]
    points, left_out = compare(runs)
    assert [point.lambd for point in points] == [3, 1, 0.3, 0]
    assert [point.experiment for point in points] == ["", "", "peart-bout", ""]
    assert left_out == []


def test_compare__leaves_out_what_is_not_comparable_with_the_newest_and_says_why():
    newest = [run(1.0), run(0.0)]
    others = [
        run(0.3, data="other"),
        run(0.3, data="other", iterations="20"),
        run(3.0, iterations="20", hidden_units="8"),
        run(1.0, metrics={"l0": 1.0, "bits": 1.0, "explained_variance": 0.0}),
        run(0.1, metrics={"l0": 1.0}),
    ]
    points, left_out = compare([*newest, *others])
    assert [(point.lambd, point.l0) for point in points] == [(1, 80), (0, 90)]
    assert left_out == [
        "1 without final metrics",
        "2 of other data",
        "1 of other iterations and hidden_units",
        "1 of the same lambda and seed as a newer one",
    ]
    assert "left out: 1 without final metrics, 2 of other data, 1 of" in format_tradeoff(compare([*newest, *others]))


@pytest.mark.parametrize("runs", [[], [run(1.0)], [run(1.0), run(1.0, seed="2")], [run(1.0), run(0.0, data="e")]])
def test_compare__nothing_to_compare_is_an_error_that_says_what_to_do(runs):
    with pytest.raises(UserError, match=f"of {len(runs)} finished trainings .* run a sweep"):
        compare(runs)


def test_format_tradeoff__is_a_table_with_one_row_per_training():
    table = format_tradeoff(compare([run(0.3, experiment="peart-bout"), run(0.0)])).splitlines()
    assert table[0].split() == ["lambda", "seed", "explained_variance", "l0", "bits", "experiment"]
    assert table[1].split() == ["0.3", "1", "87.00%", "87.0", "870.0", "peart-bout"]
    assert table[2].split() == ["0", "1", "90.00%", "90.0", "900.0"]


def test_draw__has_one_point_per_run_and_one_label_per_lambda_on_both_axes():
    runs = [run(1.0), run(1.0, seed="2"), run(3.0), run(0.0)]
    for axes, name in zip(draw(Figure(), compare(runs).points).axes, ("l0", "bits"), strict=True):
        (drawn,) = axes.collections
        assert sorted(drawn.get_offsets().tolist()) == sorted(
            [entry.metrics[f"final/{name}"], entry.metrics["final/explained_variance"]] for entry in runs
        )
        assert [text.get_text() for text in axes.texts] == ["λ = 3", "λ = 1", "dense"]


def test_draw_tradeoff__same_runs_give_the_same_bytes():
    tradeoff = compare([run(1.0), run(0.0)])
    assert draw_tradeoff(tradeoff) == draw_tradeoff(tradeoff)
