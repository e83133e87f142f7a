"""How every picture looks: sizes, type, and how a figure becomes a PNG."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from sparsefaces.colors import INK, QUIET

# 9 inches at 120 dots are 1,080 pixels: a README shows them at about 830, where 11 points are 14 pixels high.
DPI = 120
RC: Any = MappingProxyType(  # matplotlib types its keys one by one
    {
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.labelsize": 11,
        "axes.titlelocation": "left",
        "axes.titlepad": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": QUIET,
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "axes.grid": False,
        "grid.color": "#cccccc",
        "grid.linewidth": 0.7,
        "lines.linewidth": 2,
        "legend.frameon": False,
        "axes.formatter.useoffset": False,
    }
)


@contextmanager
def paper() -> Iterator[None]:
    """Draw in the project's style, whatever matplotlibrc lies on the machine: it must not change the bytes."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        yield


def new_figure(size: tuple[float, float]) -> Figure:
    """Make an empty figure of a size, (width, height), in inches."""
    return Figure(figsize=size, layout="constrained")


def grid(axes: Axes) -> None:
    """Put a light grid behind the data."""
    axes.grid(visible=True)
    axes.set_axisbelow(True)


def hide_frame(axes: Axes) -> None:
    """Leave the picture and its title; switching the axes off would leave the title out of the layout."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def png_of_figure(figure: Figure) -> bytes:
    """Render a figure; the same figure gives the same bytes, in 256 colours to keep Git's copies small."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=DPI)
    Image.open(full).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()
