import io
import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from sparsefaces import report
from sparsefaces.colors import INK, METHODS, MODELS, QUIET, color_of, ink_of
from sparsefaces.report.figures import draw_curves
from sparsefaces.report.style import new_figure, paper, png_of_figure

ROWS = [{"step": step, "rec": 9.0 / (step + 1), "spa": 2.0, "ent": 3.0, "reg": step + 1.0} for step in range(4)]


def png_of_curves():
    with paper():
        return png_of_figure(draw_curves(new_figure((8, 4)), {"dense": ROWS, "sparse": ROWS}))


def test_style__bytes_do_not_depend_on_the_machines_matplotlibrc():
    plain = png_of_curves()
    with Image.open(io.BytesIO(plain)) as image:
        assert (image.format, image.mode, image.getcolors() is not None) == ("PNG", "P", True)
        image.save(as_it_comes := io.BytesIO(), "png")
    assert len(plain) < as_it_comes.tell()
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": True, "savefig.facecolor": "red"}):
        assert png_of_curves() == plain
        assert mpl.rcParams["font.size"] == 30


def test_color_of__a_method_keeps_its_colour_in_all_of_its_kinds_and_models_have_theirs_in_order():
    models = ["dense", "sparse", "third"]
    assert color_of("PCA, best k", models) == color_of("PCA", models) == METHODS["PCA"]
    assert [color_of(name, models) for name in models] == [*MODELS[:3]]
    assert color_of("original", models) == QUIET
    assert len({*METHODS.values(), *MODELS}) == len(METHODS) + len(MODELS)


def contrast(one, other):
    """The contrast of two colours, as WCAG defines it."""
    linear = [
        [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)] for color in (one, other)
    ]
    dark, light = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in linear)
    return (light + 0.05) / (dark + 0.05)


def test_ink_of__text_in_figures_can_be_read_whomever_it_is_about():
    models = [f"model {number}" for number in range(len(MODELS))]
    for name in [*models, *METHODS, "original"]:
        assert contrast(ink_of(name, models), "white") >= 4.5
    assert ink_of("PCA, 4", models) == INK
    assert contrast(QUIET, "white") >= 4.5


@pytest.mark.parametrize("scheme", [0, 1])
def test_css__text_in_every_colour_can_be_read_on_every_ground_in_light_and_dark(scheme):
    css = (Path(report.__file__).parent / "templates/report.css").read_text()
    colors = dict(re.findall(r"--([\w-]+): (#\w{6})", re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme]))
    texts = ["ink", "quiet", *(f"model-{number}" for number in range(len(MODELS)))]
    assert min(contrast(colors[text], colors[on]) for text in texts for on in ("ground", "card", "soft")) >= 4.5
    assert min(contrast(colors[text], colors[f"{text}-ground"]) for text in ("yes", "no", "open")) >= 4.5
