"""Faces of one's own: any folder of images."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.images import Crop, Size, read_grey
from sparsefaces.fetch.sources.faces import Faces, prepare_all

SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".gif", ".tif", ".tiff", ".webp")
NOTES = "README.md"  # the project's own, in its folder for images


def read(path: str, crop: Crop, resize: Size) -> Faces:
    """Read every image below a folder, in the order of their paths.

    If all images lie in subfolders, each subfolder counts as one person. Hidden files and folders, such as programs
    leave beside images, are passed over. Whatever else is not an image by its name is left out, and named.

    Args:
        path: The folder.
        crop: As for `images.plan`.
        resize: As for `images.plan`.

    Raises:
        UserError: The folder is missing, holds no image or a link to a folder; an image is damaged; the sizes differ.
    """
    top = Path(path)
    if not top.is_dir():
        raise UserError(f"fetch.folder is {path}, which is not a folder: name a folder of images")
    files = sorted(_files(top))
    paths = [file for file in files if file.suffix.lower() in SUFFIXES and file.is_file()]
    if not paths:
        kinds = ", ".join(suffix.removeprefix(".") for suffix in SUFFIXES)
        raise UserError(f"fetch.folder is {path}, which holds no image ({kinds}): put your images there")
    images = set(paths)
    people = {folder: number for number, folder in enumerate(sorted({file.parent for file in paths}))}
    numbers = np.array([people[file.parent] for file in paths], dtype=np.int32)
    return Faces(
        prepare_all(paths, read_grey, str, crop, resize),
        source="folder",
        people=None if top in people else numbers,
        requested="folder",
        skipped=[str(file.relative_to(top)) for file in files if file not in images and file.name != NOTES],
    )


def _files(top: Path) -> Iterator[Path]:
    """List what is not hidden.

    Raises:
        UserError: A folder is a link: DVC, which notices when a linked file changes, does not look behind it.
    """
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(folder, name) for name in folders):
            if path.is_symlink():
                raise UserError(
                    f"{path} is a link to a folder, in which DVC would not notice a change: put a copy there, or name "
                    f"{path.resolve()} or a folder above it in fetch.folder"
                )
        yield from (Path(folder, name) for name in files if not name.startswith("."))
