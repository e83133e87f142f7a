"""Single images: read as grey, crop, resize."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sparsefaces.base.errors import UserError

DEEP_MODES = ("F", "I", "I;16", "I;16L", "I;16B")  # how Pillow calls grey of more than 8 bits
DEPTHS = (10, 12, 14, 16)  # of cameras, in files of 16 bits
Crop = tuple[int, int, int, int] | None
Size = float | tuple[int, int]
Box = tuple[int, int, int, int]
GROUND = "white"  # on which what is transparent stands, as viewers show it


def read_grey(path: Path) -> Image.Image:
    """Read an image file as 8-bit grey, turned upright as its EXIF orientation says; of several, the first.

    Raises:
        UserError: The file is not an image that Pillow can read.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode not in DEEP_MODES:
                return _opaque(upright).convert("L")
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise what they please at files that are damaged
        said = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} cannot be read as an image ({said}): repair or remove it") from None
    return _shallow(upright, path)


def _opaque(image: Image.Image) -> Image.Image:
    """Lay an image on the ground: what its transparent pixels hide is nobody's face."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, GROUND), layer)


def _shallow(image: Image.Image, path: Path) -> Image.Image:
    """Bring grey of more than 8 bits to 8; files of 16 bits may hold 10, 12 or 14, those of 32 also 8.

    The depth is taken to be the smallest that holds the largest value of the image.

    Raises:
        UserError: It has other values.
    """
    values = np.asarray(image)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() < 1 << 16) or image.mode == "F":
        raise UserError(f"{path} has values that are not whole numbers from 0 to 65,535: repair or remove it")
    depths = (8, *DEPTHS) if image.mode == "I" else DEPTHS
    depth = next(depth for depth in depths if values.max() < 1 << depth)
    return Image.fromarray((values.astype(np.uint32) * 255 // ((1 << depth) - 1)).astype(np.uint8))


def plan(height: int, width: int, crop: Crop, resize: Size, name: str) -> tuple[Box, tuple[int, int]]:
    """Find out what of an image to cut out, (left, top, right, bottom), and to which (height, width) to resize it.

    Args:
        height: Of the image, in pixels.
        width: Of the image.
        crop: (top, bottom, left, right) in pixels, or None for the whole image.
        resize: A factor (sizes are rounded down), or (height, width) in pixels.
        name: What messages call the image.

    Raises:
        UserError: The crop does not lie inside the image, or nothing is left after resizing.
    """
    top, bottom, left, right = crop or (0, height, 0, width)
    if not (top < bottom <= height and left < right <= width):
        raise UserError(
            f"fetch.crop is {[top, bottom, left, right]}, but {name} is {height} x {width} pixels: "
            "[top, bottom, left, right] must lie inside, top above bottom and left before right"
        )
    size = resize if isinstance(resize, tuple) else (int(resize * (bottom - top)), int(resize * (right - left)))
    if min(size) < 1:
        raise UserError(f"fetch.resize is {resize}: of {name}, {bottom - top} x {right - left}, nothing is left")
    return (left, top, right, bottom), size


def prepare(image: Image.Image, crop: Crop, resize: Size, name: str) -> NDArray[np.float32]:
    """Crop and resize one image of 8-bit grey as `plan` says, by the filter that scikit-learn takes for LFW.

    Returns:
        (height, width) float32 in [0, 1].
    """
    box, (height, width) = plan(image.height, image.width, crop, resize, name)
    prepared = image.crop(box).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(prepared, dtype=np.float32) / np.float32(255)
