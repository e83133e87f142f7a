"""Single images: read as grey, crop, resize."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sparsefaces.base.errors import UserError

Crop = tuple[int, int, int, int] | None
Size = float | tuple[int, int]
Box = tuple[int, int, int, int]
WHITE = 65_535  # of 16 bits, whatever the largest value


def read_image(path: Path) -> Image.Image:
    """Read an image file in 8 bits, upright as its EXIF says, on white where it is transparent.

    Returns:
        A grey image if all its pixels are grey, whatever the file calls them, else one in colour (RGB).

    Raises:
        UserError: The file is not an image that Pillow can read, or has pixels beyond 16 bits.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
        if upright.mode[0] in "IF":  # more than 8 bits
            values = np.asarray(upright)
            if upright.mode == "F" or not 0 <= values.min() <= values.max() <= WHITE:
                raise ValueError("its pixels are not whole numbers from 0 to 65,535")
            return Image.fromarray((values / WHITE * 255).round().astype(np.uint8))
        if upright.has_transparency_data:
            layer = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
        colour = upright.convert("RGB")
    except Exception as error:  # Pillow's readers raise what they please at files that are damaged
        raise UserError(f"{path} cannot be read as an image ({error}): repair, convert or remove it") from None
    red, green, blue = colour.split()
    return red if red == green == blue else colour


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
    """Make one image of 8 bits grey, crop and resize it as `plan` says, by the filter that scikit-learn takes for LFW.

    Returns:
        (height, width) float32 in [0, 1].
    """
    box, (height, width) = plan(image.height, image.width, crop, resize, name)
    prepared = image.crop(box).convert("L").resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(prepared, dtype=np.float32) / np.float32(255)
