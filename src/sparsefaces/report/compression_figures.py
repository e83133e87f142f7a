"""The pictures of compression, drawn on matplotlib figures: curves of rate and distortion, and faces at some rates."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sparsefaces.analyze.rate_distortion import Strip
from sparsefaces.base.mosaics import mosaic
from sparsefaces.colors import color_of, ink_of
from sparsefaces.report.style import grid, show_grey

RATES_SIZE, STRIP_SIZE = (11.0, 5.2), (10.0, 4.3)
STRIP_GAP = 10  # pixels between the faces of two rates
# The line's style tells PCA's two ways apart.
LINES = {"PCA first": "-", "PCA best": "--", "DCT": "-", "JPEG": ":"}
AXES = {"coefficients": "coefficients kept per face", "bits": "bits per face"}


def draw_rate_distortion(figure: Figure, rows: Sequence[Mapping[str, Any]], models: Sequence[str]) -> Figure:
    """Draw PSNR against the number of coefficients and against bits, one line per method.

    Args:
        figure: Where to draw.
        rows: Of rate_distortion.csv.
        models: The models' names, in their order.
    """
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (axis, label) in zip(panels, AXES.items(), strict=True):
        for method, style in (dict.fromkeys(models, "-") | LINES).items():
            points = [(row[axis], row["psnr"]) for row in rows if row["method"] == method and row[axis]]
            if points:
                how = {"color": color_of(method, models), "linewidth": 2.4 if method in models else 1.5}
                axes.plot(*zip(*points, strict=True), style, label=method, **how)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set(xlabel=label, title=f"Quality against {axis}")
        grid(axes)
    panels[0].set_ylabel("PSNR on held-out faces (dB)")
    panels[1].legend(loc="upper left")
    return figure


def draw_strip(figure: Figure, strip: Strip, models: Sequence[str]) -> Figure:
    """Draw a few faces at several rates, one row per method, next to the originals."""
    step = len(strip.originals) * (strip.originals.shape[2] + 2) - 2 + STRIP_GAP
    for row, (method, columns) in enumerate(strip.rows.items()):
        axes = figure.add_subplot(len(strip.rows), 1, row + 1)
        show_grey(axes, _join([strip.originals, *columns]))
        axes.set_ylabel(method.replace(" ", "\n"), rotation=0, ha="right", va="center", color=ink_of(method, models))
        centres = [step * column + (step - STRIP_GAP) / 2 for column in range(len(columns) + 1)]
        labels = ["original", *(f"{bits:,.0f} bits" for bits in strip.bits)]
        axes.set(xticks=centres, xticklabels=labels if row == 0 else [])
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
    return figure


def _join(groups: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Lay groups of faces side by side, with more room between groups than between faces."""
    rows = [mosaic(faces, len(faces), gap=2) for faces in groups]
    joined = np.hstack([np.pad(row, ((0, 0), (0, STRIP_GAP)), constant_values=1) for row in rows])
    return joined[:, :-STRIP_GAP]
