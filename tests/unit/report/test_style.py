import matplotlib as mpl

from sparsefaces.colors import METHODS, MODELS, QUIET, color_of
from sparsefaces.report.figures import draw_curves
from sparsefaces.report.style import new_figure, paper, png_of_figure

ROWS = [{"step": step, "rec": 9.0 / (step + 1), "spa": 2.0, "ent": 3.0, "reg": step + 1.0} for step in range(4)]


def png_of_curves():
    with paper():
        return png_of_figure(draw_curves(new_figure((8, 4)), {"dense": ROWS, "sparse": ROWS}))


def test_style__bytes_do_not_depend_on_the_machines_matplotlibrc():
    plain = png_of_curves()
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": True, "savefig.facecolor": "red"}):
        assert png_of_curves() == plain
        assert mpl.rcParams["font.size"] == 30


def test_color_of__a_method_keeps_its_colour_in_all_of_its_kinds_and_models_have_theirs_in_order():
    models = ["dense", "sparse", "third"]
    assert color_of("PCA, best k", models) == color_of("PCA", models) == METHODS["PCA"]
    assert [color_of(name, models) for name in models] == [*MODELS[:3]]
    assert color_of("original", models) == QUIET
    assert len({*METHODS.values(), *MODELS}) == len(METHODS) + len(MODELS)
