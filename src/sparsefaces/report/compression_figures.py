"""The pictures of compression, drawn on matplotlib figures: curves of rate and distortion, and faces at some rates."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from sparsefaces.analyze.rate_distortion import Strip
from sparsefaces.base.mosaics import mosaic
from sparsefaces.colors import color_of
from sparsefaces.report.style import grid, hide_frame

RATES_SIZE, STRIP_SIZE = (10.0, 4.4), (9.0, 3.6)
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
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set(xlabel=label, title=f"PSNR against {axis}")
        grid(axes)
    panels[0].set_ylabel("PSNR on faces held out, dB")
    panels[1].legend(loc="upper left")
    return figure


def draw_strip(figure: Figure, strip: Strip, models: Sequence[str]) -> Figure:
    """Draw a few faces at several rates, one row per method, next to the originals."""
    empty = np.ones_like(strip.originals)
    for row, (method, columns) in enumerate(strip.rows.items()):
        axes = figure.add_subplot(len(strip.rows), 1, row + 1)
        tiles = np.concatenate([strip.originals, *(part for faces in columns for part in (empty[:1], faces))])
        axes.imshow(mosaic(tiles, len(tiles), gap=2), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        hide_frame(axes)
        axes.set_ylabel(method.replace(" ", "\n"), rotation=0, ha="right", va="center", color=color_of(method, models))
        count, width = len(strip.originals), strip.originals.shape[2] + 2
        centres = [(count / 2 + (count + 1) * column) * width for column in range(len(columns) + 1)]
        labels = ["original", *(f"{bits:,.0f} bits" for bits in strip.bits)]
        axes.set(xticks=centres, xticklabels=labels if row == 0 else [])
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
    return figure
