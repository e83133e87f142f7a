"""The trade-off over a sweep: which trainings are compared, and what is drawn."""

from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from sparsefaces.base.errors import UserError
from sparsefaces.base.words import PEOPLE
from sparsefaces.review.tradeoff import compare, draw, draw_tradeoff, format_tradeoff


def run(lambd=0.0, k=None, *, data="d", without=(), experiment="", silent=0, held_out=False, **params):
    values = {"lambda": str(lambd), "seed": "1", "iterations": "10", "log_every": "5"} | params
    strength = lambd if k is None else 100 / k
    if k is not None:
        values |= {"activation": "topk", "k": str(k)}
    of_faces = {"explained_variance": 0.9 - strength / 100, "l0": 90 - strength}
    metrics = {f"final/{name}": value for name, value in of_faces.items()}
    metrics |= {"final/effective_area": 0.3 - strength / 100, "final/silent_units": silent}
    if held_out:
        metrics |= {f"final/held_out/{name}": value - 0.1 for name, value in of_faces.items()}
    for name in without:
        del metrics[f"final/{name}"]
    return SimpleNamespace(params=values, metrics=metrics, tags={"data.sha256": data, "dvc.experiment": experiment})


def test_compare__orders_each_family_by_lambda_or_k_and_keeps_the_experiments_names():
    runs = [run(0.3, experiment="peart-bout"), run(k=40), run(3.0), run(0.0), run(k=5), run(1.0, log_every="7")]
    points, left_out, held_out = compare(runs)
    assert [point.label for point in points] == [
        "lambda 0",
        "lambda 0.3",
        "lambda 1",
        "lambda 3",
        "top-k 5",
        "top-k 40",
    ]
    assert [point.experiment for point in points] == ["", "peart-bout", "", "", "", ""]
    assert (left_out, held_out) == ([], False)


def test_compare__leaves_out_what_is_not_comparable_with_the_newest_and_says_why():
    newest = [run(1.0), run(0.0)]
    others = [
        run(0.3, data="other"),
        run(0.3, data="other", iterations="20"),
        run(3.0, iterations="20", hidden_units="8"),
        run(1.0),
        run(0.1, without=["effective_area"]),
    ]
    points, left_out, _ = compare([*newest, *others])
    assert [point.label for point in points] == ["lambda 0", "lambda 1"]
    assert left_out == [
        "1 without final metrics",
        "2 of other data",
        "1 of other iterations and hidden_units",
        "1 like a newer one",
    ]
    assert "left out: 1 without final metrics, 2 of other data, 1 of" in format_tradeoff(compare([*newest, *others]))


def test_compare__takes_what_is_of_people_held_out_if_there_are_any():
    tradeoff = compare([run(1.0, held_out=True), run(0.0, held_out=True)])
    assert [point.measured["l0"] for point in tradeoff.points] == pytest.approx([89.9, 88.9])
    assert [point.measured["effective_area"] for point in tradeoff.points] == pytest.approx([0.3, 0.29])
    assert f"{PEOPLE} held out" in format_tradeoff(tradeoff)
    assert [axes.get_ylabel().endswith(f"{PEOPLE} held out") for axes in draw(Figure(), tradeoff).axes] == [True, False]


def test_compare__runs_of_before_people_were_held_out_are_of_other_data():
    runs = [run(1.0, held_out=True), run(0.0, held_out=True), run(3.0, data="all of them")]
    assert compare(runs).left_out == ["1 of other data"]


@pytest.mark.parametrize("runs", [[], [run(1.0)], [run(1.0), run(1.0, seed="2")], [run(1.0), run(0.0, data="e")]])
def test_compare__nothing_to_compare_is_an_error_that_says_what_to_do(runs):
    with pytest.raises(UserError, match=f"of {len(runs)} finished trainings .* run a sweep"):
        compare(runs)


def test_format_tradeoff__is_a_table_with_one_row_per_training():
    table = format_tradeoff(compare([run(0.3, experiment="peart-bout"), run(k=5)])).splitlines()
    assert table[0].split() == [
        "model",
        "seed",
        "explained_variance",
        "effective_area",
        "l0",
        "silent_units",
        "experiment",
    ]
    assert table[1].split() == ["lambda", "0.3", "1", "89.70%", "29.7%", "89.7", "0", "peart-bout"]
    assert table[2].split() == ["top-k", "5", "1", "70.00%", "10.0%", "70.0", "0"]


def test_draw__has_one_line_per_family_one_point_per_run_and_rings_for_silent_units():
    runs = [run(1.0), run(1.0, seed="2"), run(30.0, silent=3), run(0.0), run(k=5), run(k=2)]
    for axes, name in zip(draw(Figure(), compare(runs)).axes, ("explained_variance", "effective_area"), strict=True):
        drawn = [offset for collection in axes.collections for offset in collection.get_offsets().tolist()]
        assert sorted(drawn) == sorted([entry.metrics["final/l0"], entry.metrics[f"final/{name}"]] for entry in runs)
        assert [len(line.get_xdata()) for line in axes.lines] == [3, 2]
        filled = [bool(color[3]) for collection in axes.collections for color in collection.get_facecolors()]
        assert filled.count(False) == 1
        assert {"lambda 30", "top-k 2"} <= {text.get_text() for text in axes.texts}
    for some, said in ((runs, ["with silent units"]), (runs[:2] + runs[3:], [])):
        legend = draw(Figure(), compare(some)).axes[0].get_legend()
        assert [text.get_text() for text in legend.get_texts()][2:] == said


def test_draw__many_runs_have_labels_that_keep_apart():
    runs = [run(number / 10) for number in range(60)] + [run(k=k) for k in range(2, 42)]
    figure = draw(Figure((11, 4.6)), compare(runs))
    for axes in figure.axes:
        assert 2 <= len(axes.texts) < 30


def test_draw__labels_of_as_many_active_units_are_all_written_where_there_is_room():
    runs = [run(1.0), run(2.0)]
    runs[1].metrics |= {"final/l0": runs[0].metrics["final/l0"], "final/explained_variance": 0.2}
    left, _ = draw(Figure((11, 4.6)), compare(runs)).axes
    assert {text.get_text() for text in left.texts} >= {"lambda 1", "lambda 2"}


def test_draw_tradeoff__same_runs_give_the_same_bytes():
    tradeoff = compare([run(1.0), run(0.0), run(k=2)])
    assert draw_tradeoff(tradeoff) == draw_tradeoff(tradeoff)
