"""Single images: read as grey, crop, resize; many images: one mosaic."""

import io
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sparsefaces.errors import UserError

DEEP_MODES = ("F", "I", "I;16", "I;16L", "I;16B")  # how Pillow calls grey of more than 8 bits


def read_grey(path: Path) -> Image.Image:
    """Read an image file as 8-bit grey, turned upright as its EXIF orientation says.

    Raises:
        UserError: The file is not an image that Pillow can read.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            return upright.convert("L") if upright.mode not in DEEP_MODES else _shallow(upright)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} cannot be read as an image ({error}): repair or remove it") from None


def _shallow(image: Image.Image) -> Image.Image:
    """Bring grey of more than 8 bits to 8; 32-bit files may hold 8 or 16."""
    values = np.asarray(image)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() < 1 << 16) or image.mode == "F":
        raise ValueError("its values are not whole numbers from 0 to 65,535")
    eight = image.mode == "I" and values.max() < 1 << 8
    return Image.fromarray((values // (1 if eight else 257)).astype(np.uint8))


def prepare(
    image: Image.Image,
    crop: tuple[int, int, int, int] | None,
    resize: float | tuple[int, int],
    name: str,
) -> NDArray[np.float32]:
    """Crop and resize one grey image, as scikit-learn does for LFW.

    Args:
        image: 8-bit grey.
        crop: (top, bottom, left, right) in pixels, or None for the whole image.
        resize: A factor (sizes are rounded down), or (height, width) in pixels.
        name: What messages call the image.

    Returns:
        (height, width) float32 in [0, 1].

    Raises:
        UserError: The crop does not lie inside the image, or nothing is left after resizing.
    """
    if crop is not None:
        top, bottom, left, right = crop
        if not (top < bottom <= image.height and left < right <= image.width):
            raise UserError(
                f"fetch.crop is {list(crop)}, but {name} is {image.height} x {image.width} pixels: "
                "[top, bottom, left, right] must lie inside, top above bottom and left before right"
            )
        image = image.crop((left, top, right, bottom))
    height, width = resized(image.height, image.width, resize)
    if height < 1 or width < 1:
        raise UserError(f"fetch.resize is {resize}: of {name}, {image.height} x {image.width}, nothing is left")
    if (height, width) != (image.height, image.width):
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def resized(height: int, width: int, resize: float | tuple[int, int]) -> tuple[int, int]:
    """Compute (height, width) after resizing by a factor, or to a size."""
    return resize if isinstance(resize, tuple) else (int(resize * height), int(resize * width))


def mosaic(images: NDArray[np.float32], columns: int, *, gap: int = 1, background: float = 1.0) -> NDArray[np.float32]:
    """Lay images out in rows, with a gap between them.

    Args:
        images: (count, height, width).
        columns: Images a row; a last row that is not full ends in background.
        gap: Pixels between images.
        background: Value of gaps and empty places.

    Returns:
        One image, (rows * (height + gap) - gap, columns * (width + gap) - gap).
    """
    count, height, width = images.shape
    rows = math.ceil(count / columns)
    tiles = np.full((rows * columns, height + gap, width + gap), background, dtype=np.float32)
    tiles[:count, :height, :width] = images
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
    shown = W[:filters]
    columns = int(np.ceil(np.sqrt(len(shown))))
    return mosaic(scale_filters(shown, scale).reshape(-1, *shape), columns, gap=2)


def png_of_mosaic(picture: NDArray[np.float32], zoom: int) -> bytes:
    """Render a grey picture in [0, 1], each pixel `zoom` times as large, without axes."""
    grey = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    file = io.BytesIO()
    image = Image.fromarray(grey)
    image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST).save(file, format="png")
    return file.getvalue()
