import io

import matplotlib as mpl
import numpy as np
from PIL import Image

from sparsefaces.analyze.measures import sorted_activations
from sparsefaces.colors import COLORS, INK, QUIET, color_of
from sparsefaces.report.figures import (
    draw_curves,
    draw_decoders,
    draw_sparsity,
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


def test_style__the_sheet_has_the_projects_colours():
    with paper():
        assert mpl.colors.same_color(mpl.rcParams["text.color"], INK)
        assert mpl.colors.same_color(mpl.rcParams["axes.edgecolor"], QUIET)


def test_style__a_method_keeps_its_colour_in_all_of_its_kinds():
    assert color_of("PCA, best k") == color_of("PCA") == COLORS["PCA"]
    assert color_of("sparse") == "#D55E00"
    assert color_of("original") == QUIET
    assert len(set(COLORS.values())) == len(COLORS)


def test_figures__axes_say_what_they_show_and_in_which_unit():
    for figure in (curves(), draw_sparsity(new_figure((8, 4)), {"dense": sorted_activations(FILTERS)}, 9)):
        assert all(axes.get_ylabel() and axes.get_title(loc="left") + axes.get_title() for axes in figure.axes)
        assert figure.axes[-1].get_xlabel()


def test_png__is_the_same_each_time_and_wide_enough_to_read():
    with paper():
        first, second = (
            png_of_figure(draw_decoders(new_figure((8, 4)), {"dense": FILTERS}, (6, 5), 9, "own")) for _ in range(2)
        )
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert image.size == (960, 480)
