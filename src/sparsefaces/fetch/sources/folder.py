"""Faces of one's own: any folder of images."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.images import read_grey
from sparsefaces.fetch.sources.faces import Faces, prepare_all

SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".gif", ".tif", ".tiff", ".webp")
NOTES = "README.md"  # the project's own, in its folder for images


def read(path: str, crop: tuple[int, int, int, int] | None, resize: float | tuple[int, int]) -> Faces:
    """Read every image below a folder, in the order of their paths.

    If all images lie in subfolders, each subfolder counts as one person. Links are followed, to files and to
    folders; hidden files and folders, such as programs leave beside images, are passed over. Whatever else is not
    an image by its name is left out, and named.

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
        wanted="folder",
        left_out=[str(file.relative_to(top)) for file in files if file not in images and file.name != NOTES],
    )


def _files(top: Path) -> Iterator[Path]:
    """List what is not hidden, also behind links, but no folder twice that lies within itself by a link."""
    above: dict[str, set[str]] = {}
    for folder, folders, files in os.walk(top, followlinks=True):
        real = os.path.realpath(folder)
        parents = above.get(folder, set())
        if real in parents:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        above |= {os.path.join(folder, name): parents | {real} for name in folders}  # noqa: PTH118 - as os.walk
        yield from (Path(folder, name) for name in files if not name.startswith("."))
