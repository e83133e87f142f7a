"""Many images in one: faces and filters side by side, as a PNG."""

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def mosaic(images: NDArray[np.float32], columns: int, *, gap: int = 1, background: float = 1.0) -> NDArray[np.float32]:
    """Lay images out in rows, with a gap between them.

    Args:
        images: (count, height, width).
        columns: Images per row; a last row that is not full ends in background.
        gap: Pixels between images.
        background: Value of gaps and empty places.

    Returns:
        One image, (rows * (height + gap) - gap, columns * (width + gap) - gap).
    """
    count, height, width = images.shape
    rows = math.ceil(count / columns)
    tiles = np.pad(images, ((0, rows * columns - count), (0, gap), (0, gap)), constant_values=background)
    grid = tiles.reshape(rows, columns, height + gap, width + gap).swapaxes(1, 2)
    whole = grid.reshape(rows * (height + gap), columns * (width + gap))
    return np.ascontiguousarray(whole[: whole.shape[0] - gap, : whole.shape[1] - gap])


def scale_filters(W: NDArray[np.float32], scale: str) -> NDArray[np.float32]:
    """Scale filters to [0, 1] with zero at 0.5.

    Args:
        W: Filters, (h, d).
        scale: `own`: each filter by its own largest weight; `common`: all by the largest weight of all.

    Returns:
        (h, d); a filter of zeros is 0.5 everywhere.
    """
    axis = 1 if scale == "own" else None
    peak = np.abs(W).max(axis=axis, keepdims=True)
    return (0.5 + 0.5 * W / np.where(peak > 0, peak, 1)).astype(np.float32)


def filter_mosaic(W: NDArray[np.float32], shape: tuple[int, int], filters: int, scale: str) -> NDArray[np.float32]:
    """Lay the first filters out in a square.

    Args:
        W: Filters, (h, d).
        shape: (height, width) with height * width = d.
        filters: How many to show, at most h of them.
        scale: As for `scale_filters`; `common` looks at the filters that are shown.

    Returns:
        One grey image in [0, 1].
    """
    first = W[:filters]
    columns = int(np.ceil(np.sqrt(len(first))))
    return mosaic(scale_filters(first, scale).reshape(-1, *shape), columns, gap=2)


def png_of_mosaic(picture: NDArray[np.float32], zoom: int) -> bytes:
    """Render a grey picture in [0, 1], each pixel `zoom` times as large, without axes."""
    grey = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    file = io.BytesIO()
    image = Image.fromarray(grey)
    image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST).save(file, format="png")
    return file.getvalue()
