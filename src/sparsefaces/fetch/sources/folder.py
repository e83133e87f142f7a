"""Faces of one's own: any folder of images."""

from pathlib import Path

import numpy as np

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.images import read_grey
from sparsefaces.fetch.sources.faces import Faces, prepare_all

SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def read(path: str, crop: tuple[int, int, int, int] | None, resize: float | tuple[int, int]) -> Faces:
    """Read every image below a folder, in the order of their paths.

    Where all images lie in subfolders, each subfolder counts as one person.

    Args:
        path: The folder.
        crop: As for `images.prepare`.
        resize: As for `images.prepare`.

    Raises:
        UserError: The folder is missing or holds no image; an image is damaged; the sizes differ.
    """
    top = Path(path)
    if not top.is_dir():
        raise UserError(f"fetch.folder is {path}, which is not a folder: name a folder of images")
    paths = sorted(file for file in top.rglob("*") if _is_image(file))
    if not paths:
        kinds = ", ".join(suffix.removeprefix(".") for suffix in SUFFIXES)
        raise UserError(f"fetch.folder is {path}, which holds no image ({kinds}): put your images there")
    people = sorted({file.parent for file in paths})
    numbers = np.array([people.index(file.parent) for file in paths], dtype=np.int32)
    return Faces(
        prepare_all(paths, read_grey, str, crop, resize),
        source="folder",
        people=None if top in people else numbers,
        wanted="folder",
    )


def _is_image(path: Path) -> bool:
    """Tell by its name; hidden files, such as macOS leaves beside images, are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
