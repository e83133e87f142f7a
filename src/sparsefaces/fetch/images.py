"""Single images: read as grey, crop, resize."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sparsefaces.base.errors import UserError

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
