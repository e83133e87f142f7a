"""A set of faces as every source returns it."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparsefaces.base.errors import UserError
from sparsefaces.base.progress import Progress
from sparsefaces.fetch.images import Crop, Size, prepare

Item = TypeVar("Item")


class Faces(NamedTuple):
    """Images and where they come from.

    Attributes:
        images: (N, height, width) float32 in [0, 1].
        source: The source that was read.
        people: Person number by row, (N,) int32; None if the source does not tell.
        requested: The source that was asked for.
        colour: How many images are in colour, which is read as grey.
        fallback_reason: Why the wanted source was not read; None if it was.
        skipped: Names of files and folders that were not read, with the reason.
    """

    images: NDArray[np.float32]
    source: str
    people: NDArray[np.int32] | None
    requested: str
    colour: int = 0
    fallback_reason: str | None = None
    skipped: Sequence[str] = ()


class UnreachableError(UserError):
    """No address serves the source."""


def prepare_all(
    source: str,
    items: Sequence[Item],
    load: Callable[[Item], Image.Image],
    name: Callable[[Item], str],
    *,
    crop: Crop,
    resize: Size,
) -> Faces:
    """Load, crop and resize every image of a source, with progress.

    Args:
        source: What the result calls it.
        items: What to load, in the order of the rows, at least one.
        load: Reads one item in 8 bits.
        name: What messages call an item.
        crop: As for `images.plan`.
        resize: As for `images.plan`.

    Returns:
        Faces whose people are not told.

    Raises:
        UserError: An image cannot be prepared, or the sizes differ; both images are named.
    """
    faces: list[NDArray[np.float32]] = []
    colour = 0
    with closing(Progress("Reading images", len(items), unit="images")) as progress:
        for item in items:
            image = load(item)
            face = prepare(image, crop, resize, name(item))
            colour += image.mode != "L"
            if faces and face.shape != faces[0].shape:
                raise UserError(
                    f"the images differ in size: {name(items[0])} becomes {_by(faces[0].shape)} pixels, "
                    f"{name(item)} {_by(face.shape)}: set fetch.resize to one [height, width]"
                )
            faces.append(face)
            progress.update()
    return Faces(np.stack(faces), source, None, source, colour)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
