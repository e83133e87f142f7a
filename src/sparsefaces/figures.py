"""The pictures of the comparison, drawn on matplotlib figures; none of them knows a file or a stage."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray
from PIL import Image

from sparsefaces.images import filter_mosaic, mosaic

# Dense and sparse keep their colours in every picture (Okabe and Ito's, told apart by the colour-blind).
COLORS = {"dense": "#0072B2", "sparse": "#D55E00"}
SPARSITY_SIZE, DECODER_SIZE, CURVES_SIZE = (7.0, 4.2), (9.2, 6.5), (9.0, 6.0)
RECONSTRUCTIONS_SIZE = (9.0, 4.0)
TERM_LABELS = {
    "rec": "reconstruction error (rec)",
    "spa": "L1 norm of the code (spa)",
    "ent": "sum of 1 / mean activation (ent)",
    "reg": "squared norm of the decoder (reg)",
}


def sorted_activations(Z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sort all activations of codes, (N, h), from largest to smallest, (N * h,)."""
    return -np.sort(-Z.ravel())


def draw_sparsity(figure: Figure, activations: Mapping[str, NDArray[np.float32]], faces: int) -> Figure:
    """Draw sorted activations on so many faces, one line a model; zeros are part of the line."""
    axes = figure.add_subplot()
    for order, (name, values) in enumerate(activations.items()):
        active = np.count_nonzero(values) / len(values)
        axes.plot(values, color=COLORS.get(name), label=f"{name}: {active:.1%} active", linewidth=2, zorder=9 - order)
    axes.set(
        xlabel="rank of the activation", ylabel="activation", title=f"All activations on {faces} faces, largest first"
    )
    axes.margins(x=0.01)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def draw_decoders(
    figure: Figure,
    decoders: Mapping[str, NDArray[np.float32]],
    shape: tuple[int, int],
    filters: int,
    scale: str,
) -> Figure:
    """Draw the first filters of each model, side by side, zero at mid-grey."""
    for axes, (name, W) in zip(_row_of_axes(figure, len(decoders)), decoders.items(), strict=True):
        picture = filter_mosaic(W, shape, filters, scale)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(f"{name}: first {min(filters, len(W))} of {len(W)} filters")
        _hide_frame(axes)
    return figure


def draw_curves(figure: Figure, histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Draw the four terms over the iterations, one panel a term, one line a model."""
    panels = figure.subplots(2, 2, sharex=True).ravel()
    for axes, (term, label) in zip(panels, TERM_LABELS.items(), strict=True):
        for name, rows in histories.items():
            # The first row, before any update, would set the scale of everything after it.
            later = rows[1:] or rows
            steps, values = [row["step"] for row in later], [row[term] for row in later]
            axes.plot(steps, values, color=COLORS.get(name), label=name, linewidth=1.3)
        axes.set_title(label, fontsize=10)
        axes.grid(alpha=0.3)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 6)))
        axes.yaxis.set_major_formatter("{x:g}")  # 400, not 4 x 10^2
        axes.yaxis.set_minor_formatter(NullFormatter())
    for axes in panels[2:]:
        axes.set_xlabel("iteration")
    panels[0].legend(frameon=False)
    return figure


def draw_reconstructions(figure: Figure, rows: Mapping[str, NDArray[np.float32]]) -> Figure:
    """Draw one row of faces a name: the originals, then each model's reconstructions, (n, height, width)."""
    panels = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for axes, (name, faces) in zip(panels, rows.items(), strict=True):
        axes.imshow(mosaic(faces, len(faces), gap=2), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(name, fontsize=10, loc="left")
        _hide_frame(axes)
    return figure


def png_of_figure(figure: Figure) -> bytes:
    """Render a figure; the same figure gives the same bytes, in 256 colours to keep Git's copies small."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=110)
    Image.open(full).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def _hide_frame(axes: Axes) -> None:
    """Leave the picture and its title; switching the axes off would leave the title out of the layout."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _row_of_axes(figure: Figure, count: int) -> list[Axes]:
    return list(figure.subplots(1, count, squeeze=False)[0])
