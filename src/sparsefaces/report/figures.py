"""The pictures of the comparison, drawn on matplotlib figures; none of them knows a file or a stage."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from sparsefaces.base.mosaics import filter_mosaic, mosaic
from sparsefaces.colors import color_of, ink_of
from sparsefaces.metrics.table import METRICS
from sparsefaces.report.style import grid, show_grey

SPARSITY_SIZE, CURVES_SIZE = (9.0, 5.2), (11.0, 7.6)
DECODER, SIDE_BY_SIDE = 4.6, 3  # inches that one decoder is wide, and so many of them in a row
CELL = 0.66  # inches that a face is wide among the reconstructions
GAIN = 3  # differences are drawn so many times as strong
TERMS = ("rec", "spa", "ent", "reg")


def draw_sparsity(figure: Figure, activations: Mapping[str, NDArray[np.float32]], faces: int) -> Figure:
    """Draw sorted activations on so many faces, one line per model; zeros are part of the line."""
    axes = figure.add_subplot()
    for order, (name, values) in enumerate(activations.items()):
        active = np.count_nonzero(values) / len(values)
        share = 100 * np.arange(1, len(values) + 1) / len(values)
        color = color_of(name, [*activations])
        axes.plot(share, values, color=color, label=f"{name}: {100 * active:.1f} % active", lw=2, zorder=9 - order)
    axes.set(
        xlabel="share of all activations, largest first (%)",
        ylabel="activation (standardised units)",
        title=f"All activations on {faces} faces, largest first",
    )
    axes.margins(x=0.01)
    grid(axes)
    axes.legend()
    return figure


def decoders_size(models: int, shape: tuple[int, int]) -> tuple[float, float]:
    """Size a figure of so many decoders with filters of a shape, (width, height) in inches."""
    return DECODER * min(models, SIDE_BY_SIDE), (DECODER * shape[0] / shape[1] + 0.15) * -(-models // SIDE_BY_SIDE)


def draw_decoders(
    figure: Figure, decoders: Mapping[str, NDArray[np.float32]], shape: tuple[int, int], filters: int, scale: str
) -> Figure:
    """Draw the first filters of each model, side by side, zero at mid-grey."""
    rows, columns = -(-len(decoders) // SIDE_BY_SIDE), min(len(decoders), SIDE_BY_SIDE)
    panels = figure.subplots(rows, columns, squeeze=False, gridspec_kw={"wspace": 0.08}).ravel()
    for axes in panels[len(decoders) :]:
        axes.set_axis_off()
    for axes, (name, W) in zip(panels, decoders.items(), strict=False):
        show_grey(axes, filter_mosaic(W, shape, filters, scale))
        axes.set_title(f"{name}: first {min(filters, len(W))} of {len(W)} filters", color=ink_of(name, [*decoders]))
    return figure


def draw_curves(figure: Figure, histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Draw the four terms over the iterations, one panel per term, one line per model."""
    panels = figure.subplots(2, 2, sharex=True).ravel()
    for axes, term in zip(panels, TERMS, strict=True):
        for name, rows in histories.items():
            # The first row, before any update, would set the scale of everything after it.
            later = rows[1:] or rows
            steps, values = [row["step"] for row in later], [row[term] for row in later]
            axes.plot(steps, values, color=color_of(name, [*histories]), label=name, linewidth=1.6)
        axes.set(title=METRICS[term].title, ylabel=METRICS[term].unit, yscale="log")
        grid(axes)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 4)))
        axes.yaxis.set_major_formatter("{x:,g}")  # 400, not 4 x 10^2
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    for axes in panels[2:]:
        axes.set_xlabel("iteration")
    panels[0].legend()
    return figure


def reconstructions_size(rows: int, faces: int, shape: tuple[int, int]) -> tuple[float, float]:
    """Size a figure of so many rows of faces, (width, height) in inches."""
    return CELL * faces + 1.9, (CELL * shape[0] / shape[1] + 0.06) * rows + 0.1


def draw_reconstructions(
    figure: Figure,
    originals: NDArray[np.float32],
    reconstructions: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]],
    models: Sequence[str],
) -> Figure:
    """Draw faces, what each method makes of them, and what it gets wrong.

    Args:
        figure: Where to draw.
        originals: (n, height, width) in [0, 1].
        reconstructions: By method the same faces and, in the row below, reconstruction minus original,
            GAIN times as strong, zero at mid-grey.
        models: Which of the methods are models, in their order.
    """
    pictures = [("original", originals)]
    for name, (faces, differences) in reconstructions.items():
        pictures += [(name, faces), (f"difference\nx {GAIN}", 0.5 + GAIN * differences)]
    panels = figure.subplots(len(pictures), 1, squeeze=False)[:, 0]
    for axes, (name, faces) in zip(panels, pictures, strict=True):
        show_grey(axes, mosaic(faces, len(faces), gap=2))
        axes.set_anchor("E")  # the room that is left goes to the names
        axes.set_ylabel(name, rotation=0, ha="right", va="center", color=ink_of(name, models))
    return figure
