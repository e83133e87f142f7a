"""How every picture looks: sizes, type, and how a figure becomes a PNG."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from sparsefaces.base.arrays import Array

STYLE = Path(__file__).with_name("paper.mplstyle")
GREYS = mpl.colormaps["gray"].resampled(40)  # more are hardly seen, and make the PNG and the page larger


@contextmanager
def paper() -> Iterator[None]:
    """Draw in the project's style, whatever matplotlibrc lies on the machine: it must not change the bytes."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.style.use(STYLE)
        yield


def new_figure(size: tuple[float, float]) -> Figure:
    """Make an empty figure of a size, (width, height), in inches."""
    return Figure(figsize=size, layout="constrained")


def grid(axes: Axes) -> None:
    """Put a light grid behind the data."""
    axes.grid(visible=True)
    axes.set_axisbelow(True)


def show_grey(axes: Axes, picture: Array) -> None:
    """Show a grey picture in [0, 1] without a frame; switching the axes off would leave the title out of the layout."""
    axes.imshow(picture, cmap=GREYS, vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def png_of_figure(figure: Figure) -> bytes:
    """Render a figure; the same figure gives the same bytes, in 256 colours to keep Git's copies small."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi="figure")
    Image.open(full).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()
