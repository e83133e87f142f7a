import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from sparsefaces.colors import COLORS, QUIET, color_of
from sparsefaces.measures import sorted_activations
from sparsefaces.report.figures import (
    draw_curves,
    draw_decoders,
    draw_reconstructions,
    draw_sparsity,
    reconstructions_size,
)
from sparsefaces.report.style import new_figure, paper, png_of_figure

RNG = np.random.default_rng(0)
FILTERS = RNG.standard_normal((9, 30)).astype(np.float32)
ROWS = [{"step": step, "rec": 9.0 / (step + 1), "spa": 2.0, "ent": 3.0, "reg": step + 1.0} for step in range(4)]


def curves():
    return draw_curves(new_figure((8, 4)), {"dense": ROWS, "sparse": ROWS})


def test_style__bytes_do_not_depend_on_the_machines_matplotlibrc():
    with paper():
        plain = png_of_figure(curves())
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": True, "savefig.facecolor": "red"}):
        with paper():
            assert png_of_figure(curves()) == plain
        assert mpl.rcParams["font.size"] == 30


def test_style__a_method_keeps_its_colour_in_all_of_its_kinds():
    assert color_of("PCA, best k") == color_of("PCA") == COLORS["PCA"]
    assert color_of("sparse") == "#D55E00"
    assert color_of("original") == QUIET
    assert len(set(COLORS.values())) == len(COLORS)


@pytest.mark.parametrize("name", ["dense", "sparse"])
def test_figures__every_line_of_a_model_has_its_colour(name):
    activations = sorted_activations(np.abs(FILTERS))
    sparsity = draw_sparsity(new_figure((8, 4)), {name: activations}, 9)
    lines = [line for figure in (sparsity, curves()) for axes in figure.axes for line in axes.lines]
    assert {to_hex(line.get_color()).upper() for line in lines if line.get_label().startswith(name)} == {COLORS[name]}


def test_figures__axes_say_what_they_show_and_in_which_unit():
    for figure in (curves(), draw_sparsity(new_figure((8, 4)), {"dense": sorted_activations(FILTERS)}, 9)):
        assert all(axes.get_ylabel() and axes.get_title(loc="left") + axes.get_title() for axes in figure.axes)
        assert figure.axes[-1].get_xlabel()


def test_reconstructions__show_each_method_and_what_it_gets_wrong():
    originals = RNG.random((4, 6, 5)).astype(np.float32) / 2
    rows = {"dense": (originals + 0.1, originals * 0 + 0.1), "PCA, 3": (originals, originals * 0)}
    figure = draw_reconstructions(new_figure((8, 4)), originals, rows)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["original", "dense", "difference\nx 3", "PCA,\n3", "difference\nx 3"]
    wrong, none = (figure.axes[row].images[0].get_array()[:6, :5] for row in (2, 4))
    assert np.asarray(wrong) == pytest.approx(0.5 + 3 * 0.1, abs=1e-5)
    assert np.asarray(none) == pytest.approx(0.5)


def test_png__is_the_same_each_time_and_wide_enough_to_read():
    with paper():
        first, second = (
            png_of_figure(draw_decoders(new_figure((8, 4)), {"dense": FILTERS}, (6, 5), 9, "own")) for _ in range(2)
        )
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert image.size == (960, 480)


@pytest.mark.parametrize("shape", [(7, 6), (37, 28), (14, 11), (13, 11), (12, 5)])
def test_png__has_the_pixels_that_matplotlib_draws(shape):
    """Inches times dots may be 669.9999999999999, of which matplotlib makes 670."""
    figure = new_figure(reconstructions_size(7, 12, shape))
    figure.patch.set_facecolor("red")  # to the last row and column
    theirs = io.BytesIO()
    figure.savefig(theirs, format="png", dpi=120)
    with Image.open(theirs) as wanted, Image.open(io.BytesIO(png_of_figure(figure))) as found:
        assert found.size == wanted.size
        assert (np.asarray(found.convert("RGB")) == np.asarray(wanted.convert("RGB"))).all()


def test_reconstructions__size_grows_with_faces_and_rows():
    assert reconstructions_size(5, 12, (37, 28))[0] > reconstructions_size(5, 6, (37, 28))[0]
    assert reconstructions_size(7, 12, (37, 28))[1] > reconstructions_size(5, 12, (37, 28))[1]
