"""The figures show the numbers that they are given: lines, labels and tiles are looked at, not pixels of type."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from sparsefaces.analyze.evidence import Reconstructions
from sparsefaces.analyze.rate_distortion import Strip
from sparsefaces.base.mosaics import filter_mosaic
from sparsefaces.colors import METHODS, MODELS
from sparsefaces.metrics import METRICS
from sparsefaces.report import comparison
from sparsefaces.report.comparison import compare_metrics, held_out_of, summarize
from sparsefaces.report.compression_figures import draw_rate_distortion, draw_strip
from sparsefaces.report.figures import decoders_size, draw_curves, draw_decoders, draw_reconstructions, draw_sparsity
from sparsefaces.report.style import new_figure

RNG = np.random.default_rng(0)
FILTERS = RNG.standard_normal((9, 30)).astype(np.float32)
ROWS = [{"step": 10 * n, "rec": 9.0 / (n + 1), "spa": 2.0 + n, "ent": 3.0, "reg": n + 1.0} for n in range(4)]
RATES = [
    {"method": "sparse", "coefficients": 1, "bits": 10.0, "psnr": 20.0},
    {"method": "sparse", "coefficients": 2, "bits": 19.0, "psnr": 24.0},
    {"method": "PCA best", "coefficients": 3, "bits": 30.0, "psnr": 26.0},
    {"method": "JPEG", "coefficients": None, "bits": 200.0, "psnr": 30.0},
]
IMAGES = RNG.random((2, 6, 5)).astype(np.float32)
STRIP = Strip(
    IMAGES, [100.0, 2000.0], {"sparse": np.stack([IMAGES / 2, IMAGES / 4]), "PCA best": np.stack([IMAGES] * 2)}
)


def figure():
    return new_figure((8, 4))


def lines_of(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def labels_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def title_of(axes):
    return axes.get_title(loc="left") + axes.get_title()


def test_sparsity__draws_every_activation_over_its_share_and_says_how_many_are_active():
    values = np.array([4.0, 2.0, 0.0, 0.0], np.float32)
    (axes,) = draw_sparsity(figure(), {"dense": values + 1, "sparse": values}, 7).axes
    share = [25, 50, 75, 100]
    assert lines_of(axes)["sparse: 50.0 % active"] == [list(pair) for pair in zip(share, values, strict=True)]
    assert labels_of(axes) == ["dense: 100.0 % active", "sparse: 50.0 % active"]
    assert "7 faces" in title_of(axes)


def test_curves__one_panel_per_term_from_the_second_row_on():
    panels = draw_curves(figure(), {"dense": ROWS, "sparse": ROWS[:1]}).axes
    assert [title_of(axes) for axes in panels] == [METRICS[term].title for term in ("rec", "spa", "ent", "reg")]
    assert lines_of(panels[0])["dense"] == [[10, 4.5], [20, 3.0], [30, 2.25]]
    assert lines_of(panels[3])["dense"] == [[10, 2.0], [20, 3.0], [30, 4.0]]
    assert lines_of(panels[1])["sparse"] == [[0, 2.0]]  # of one row, that row
    assert {axes.get_yscale() for axes in panels} == {"log"}
    assert [axes.get_xlabel() for axes in panels] == ["", "", "iteration", "iteration"]
    assert panels[0].get_ylabel() == METRICS["rec"].unit
    assert labels_of(panels[0]) == ["dense", "sparse"]


def test_decoders__show_as_many_filters_as_asked_and_say_of_how_many():
    panels = draw_decoders(figure(), {"dense": FILTERS, "sparse": FILTERS[:3]}, (6, 5), 4, "own").axes
    assert [title_of(axes) for axes in panels] == ["dense: first 4 of 9 filters", "sparse: first 3 of 3 filters"]
    assert np.array_equal(panels[0].images[0].get_array(), filter_mosaic(FILTERS, (6, 5), 4, "own"))
    assert panels[0].images[0].get_clim() == (0, 1)
    assert not len(panels[0].get_xticks())
    one, two, four = (decoders_size(models, (6, 5)) for models in (1, 2, 4))
    assert (two[0], four[1], one[1] / one[0]) == pytest.approx((2 * one[0], 2 * one[1], 6 / 5), rel=0.05)
    five = draw_decoders(figure(), dict.fromkeys("abcde", FILTERS), (6, 5), 4, "own").axes
    assert [axes.get_subplotspec().rowspan.start for axes in five] == [0, 0, 0, 1, 1, 1]
    assert [axes.axison for axes in five] == [True] * 5 + [False]  # a place that nothing is in


def test_reconstructions__show_each_method_and_what_it_gets_wrong():
    originals = IMAGES / 2
    rows = {"dense": (originals + 0.1, originals * 0 + 0.1), "PCA: 3\ncomponents": (originals, originals * 0)}
    panels = draw_reconstructions(figure(), originals, rows, ["dense"]).axes
    labels = [axes.get_ylabel() for axes in panels]
    assert labels == ["original", "dense", "difference\nx 3", "PCA: 3\ncomponents", "difference\nx 3"]
    first, wrong, none = (np.asarray(panels[row].images[0].get_array()[:6, :5]) for row in (0, 2, 4))
    assert first == pytest.approx(originals[0])
    assert wrong == pytest.approx(0.5 + 3 * 0.1, abs=1e-5)
    assert none == pytest.approx(0.5)
    assert {axes.images[0].get_clim() for axes in panels} == {(0, 1)}
    assert len(draw_reconstructions(figure(), originals, {}, []).axes) == 1


def test_rate_distortion__one_line_per_method_over_coefficients_and_over_bits():
    coefficients, bits = draw_rate_distortion(figure(), RATES, ["dense", "sparse"]).axes
    assert lines_of(coefficients) == {"sparse": [[1, 20], [2, 24]], "PCA best": [[3, 26]]}  # JPEG has none
    assert lines_of(bits) == {"sparse": [[10, 20], [19, 24]], "PCA best": [[30, 26]], "JPEG": [[200, 30]]}
    assert bits.get_ylim() == coefficients.get_ylim()
    assert labels_of(bits) == ["sparse", "PCA best", "JPEG"]
    assert [axes.get_xscale() for axes in (coefficients, bits)] == ["log", "log"]
    assert [to_hex(line.get_color()).upper() for line in bits.lines] == [MODELS[1], METHODS["PCA"], METHODS["JPEG"]]
    assert bits.xaxis.get_major_formatter()(1234.4, 0) == "1,234"


def test_strip__one_row_per_method_with_its_bits_above_each_rates_faces():
    top, below = draw_strip(figure(), STRIP, ["dense", "sparse"]).axes
    assert [axes.get_ylabel() for axes in (top, below)] == ["sparse", "PCA\nbest"]
    assert [text.get_text() for text in top.get_xticklabels()] == ["original", "100 bits", "2,000 bits"]
    assert [text.get_text() for text in below.get_xticklabels()] == ["", "", ""]
    tiles = np.asarray(top.images[0].get_array())
    starts = [0, 7, 22, 29, 44, 51]  # of faces 5 pixels wide, 2 apart, and 10 from one rate to the next
    shown = [tiles[:6, start : start + 5] for start in starts]
    assert np.array(shown) == pytest.approx(np.array([*IMAGES, *IMAGES / 2, *IMAGES / 4]))
    assert tiles.shape == (6, 56)
    # The labels stand over the middle of a rate's two faces.
    assert top.get_xticks().tolist() == [6.0, 28.0, 50.0]


def test_comparison__has_every_figure_of_what_it_is_given():
    data = SimpleNamespace(X=IMAGES.reshape(2, 30), shape=(6, 5))
    trained = SimpleNamespace(model=SimpleNamespace(filters=FILTERS), history=ROWS)
    trainings, codes = (dict.fromkeys(("dense", "sparse"), value) for value in (trained, np.abs(FILTERS)))
    images = Reconstructions(IMAGES, {"dense": IMAGES, "sparse": IMAGES / 2, "PCA": IMAGES}, 17)
    evidence = SimpleNamespace(codes=codes, reconstructions=images, rate_distortion=RATES, strip=STRIP)
    drawn = comparison._draw(data, trainings, evidence, SimpleNamespace(faces=4, filters=4, filter_scale="own"))
    assert list(drawn) == ["sparsity", "decoder", "curves", "reconstructions", "rate_distortion", "rates"]
    (sparsity,) = drawn["sparsity"].axes
    assert len(lines_of(sparsity)["dense: 100.0 % active"]) == 4 * 30
    assert "2 faces" in title_of(sparsity)  # there are no more
    original, *shown = (np.asarray(axes.images[0].get_array()[:6, :5]) for axes in drawn["reconstructions"].axes)
    assert shown[3] == pytest.approx(0.5 - 3 * original / 2, abs=1e-5)  # what sparse gets wrong
    assert drawn["reconstructions"].axes[5].get_ylabel() == "PCA: 17\ncomponents"
    assert drawn["reconstructions"].get_size_inches().tolist() == pytest.approx([3.22, 6.064])


def test_metrics__of_a_training_are_joined_by_what_the_analysis_adds():
    row = {"method": "dense", "psnr": 30.0, "rec": None, "unknown": 1.0, "null": {"gini": 0.1}}
    claims = {"methods": [row, row | {"method": "sparse", "psnr": 29.0}]}
    evidence = SimpleNamespace(claims=claims, held_out={"dense": {"psnr": 28.0}, "sparse": {"psnr": 27.0}})
    own = {"dense": {"rec": 3.0, "loss": 4.0}, "sparse": {"rec": 3.0, "held_out": {"rec": 5.0}}}
    trainings = {name: SimpleNamespace(metrics=metrics) for name, metrics in own.items()}
    assert compare_metrics(trainings, evidence) == {
        "dense": {"psnr": 30.0, "rec": 3.0, "loss": 4.0, "held_out": {"psnr": 28.0}},
        "sparse": {"psnr": 29.0, "rec": 3.0, "held_out": {"psnr": 27.0, "rec": 5.0}},
    }


def test_summary__has_the_main_numbers_that_both_have_and_says_if_the_faces_are_others():
    metrics = {"rec": 35.5, "explained_variance": None, "l0": 62.0}
    lfw = {"source": "orl", "wanted": "lfw", "fallback_reason": None}
    header, *rows, where = summarize({"dense": metrics, "sparse": metrics | {"rec": 50.25}}, lfw).splitlines()
    assert header.split() == ["dense", "sparse"]
    titles = [METRICS[name].title for name in ("rec", "l0")]
    assert [re.split("  +", row) for row in rows] == [[titles[0], "35.50", "50.25"], [titles[1], "62.0", "62.0"]]
    assert "stages/analyze/report.html" in where
    both = summarize(dict.fromkeys(("dense", "sparse"), metrics | {"held_out": {"rec": 40.0}}), lfw)
    assert re.split("  +", both.splitlines()[2]) == [f"{titles[0]}, held out", "40.00", "40.00"]
    fallback = summarize({"dense": metrics, "sparse": metrics}, lfw | {"fallback_reason": "no network"})
    assert fallback.splitlines()[-1].startswith("NOT LFW: these are the ORL faces. ")


def test_held_out__leaves_out_what_no_face_changes():
    metrics = {"dense": {"rec": 3.0, "held_out": {"rec": 4.0, "reg": 5.0, "loss": 6.0}}}
    assert held_out_of(metrics) == {"dense": {"rec": 4.0}}
    assert held_out_of({"dense": {"rec": 3.0}}) == {"dense": {}}
