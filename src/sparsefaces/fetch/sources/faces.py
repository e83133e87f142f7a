"""A set of faces as every source returns it."""

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from tempfile import TemporaryFile
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparsefaces.base.cache import project_root
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import writing
from sparsefaces.base.progress import Progress
from sparsefaces.fetch.images import Crop, Size, prepare

Item = TypeVar("Item")


class Faces(NamedTuple):
    """Images and where they come from.

    Attributes:
        images: (N, height, width) float32 in [0, 1].
        source: The source that was read.
        people: Person number by row, (N,) int32; None if the source does not tell.
        wanted: The source that was asked for.
        fallback_reason: Why the wanted source was not read; None if it was.
        left_out: Names of files that were not read, since they are no images by their names.
        file_mode: What Pillow calls the kind of the files (RGB, L), if that tells one edition of them from another.
    """

    images: NDArray[np.float32]
    source: str
    people: NDArray[np.int32] | None
    wanted: str
    fallback_reason: str | None = None
    left_out: Sequence[str] = ()
    file_mode: str | None = None


class UnreachableError(UserError):
    """The source's host cannot be reached; `reason` is the same text every time the same thing is wrong."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def prepare_all(
    items: Sequence[Item], load: Callable[[Item], Image.Image], name: Callable[[Item], str], crop: Crop, resize: Size
) -> NDArray[np.float32]:
    """Load, crop and resize every image into one array, with progress; the array is mapped from a file, not in memory.

    Args:
        items: What to load, in the order of the rows.
        load: Reads one item as 8-bit grey.
        name: What messages call an item.
        crop: As for `images.plan`.
        resize: As for `images.plan`.

    Returns:
        (N, height, width) float32 in [0, 1].

    Raises:
        UserError: An image cannot be prepared, or the sizes differ; both images are named.
    """
    if not items:
        raise UserError("there are no images to read")
    shape: tuple[int, ...] = ()
    folder = project_root() / ".scratch"
    folder.mkdir(exist_ok=True)
    # A file without a name: it goes with the process. Without a buffer: on a full disk, closing would fail as well.
    with (
        closing(Progress("Reading images", len(items), unit="images")) as progress,
        TemporaryFile(dir=folder, buffering=0) as file,
    ):
        for item in items:
            image = load(item)
            face = prepare(image, crop, resize, name(item))
            if not shape and face.size > image.height * image.width:
                progress.say(
                    f"fetch.resize enlarges {name(item)}, {image.height} x {image.width}, to {_by(face.shape)}"
                )
            shape = shape or face.shape
            if face.shape != shape:
                raise UserError(
                    f"the images differ in size: {name(items[0])} becomes {_by(shape)} pixels, "
                    f"{name(item)} {_by(face.shape)}: set fetch.resize to one [height, width]"
                )
            with writing(folder):
                if file.write(np.ascontiguousarray(face).data) < face.nbytes:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            progress.update()
        return np.memmap(file, np.float32, "r", shape=(len(items), *shape))


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
