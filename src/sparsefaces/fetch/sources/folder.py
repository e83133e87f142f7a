"""Faces of one's own: any folder of images."""

import os
from pathlib import Path
from typing import NoReturn

import numpy as np

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.images import Crop, Size, read_image
from sparsefaces.fetch.sources.faces import Faces, prepare_all

SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".gif", ".tif", ".tiff", ".webp")
NOTES = "README.md"  # the project's own, in its folder for images
# Folders of thumbnails and of what was deleted, which programs leave beside images, as they do hidden ones.
PROGRAMS = ("@eaDir", "__MACOSX", "#recycle", "@Recycle", "$RECYCLE.BIN", "lost+found")


def read(path: str, crop: Crop, resize: Size) -> Faces:
    """Read every image below a folder, in the order of their paths.

    If images lie in subfolders, each subfolder is one person, with all that lies below it; an image beside the
    subfolders is nobody's and left out, as is whatever is not an image by its name. All that is named, except
    hidden files.

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
    images, skipped = _list(top)
    if not images:
        kinds = ", ".join(suffix.removeprefix(".") for suffix in SUFFIXES)
        raise UserError(f"fetch.folder is {path}, which holds no image ({kinds}): put your images there")
    faces = prepare_all("folder", images, read_image, str, crop=crop, resize=resize)
    if images[0].parent != top:
        names = [file.relative_to(top).parts[0] for file in images]
        faces = faces._replace(people=np.unique(names, return_inverse=True)[1].astype(np.int32))
    return faces._replace(skipped=[f"{file.relative_to(top)} ({why})" for file, why in sorted(skipped.items())])


def _list(top: Path) -> tuple[list[Path], dict[Path, str]]:
    """List the images, and what is left out with the reason.

    Raises:
        UserError: A folder is a link: DVC, which notices when a linked file changes, does not look behind it.
        OSError: A folder cannot be opened.
    """
    images: list[Path] = []
    skipped: dict[Path, str] = {}
    for folder, folders, files in os.walk(top, onerror=_refuse):
        for path in [Path(folder, name) for name in folders]:
            if path.name in PROGRAMS or path.name.startswith("."):
                folders.remove(path.name)
                skipped[path] = "a folder of a program"
            elif path.is_symlink():
                raise UserError(
                    f"{path} is a link to a folder, in which DVC would not notice a change: put a copy there, or name "
                    f"{path.resolve()} or a folder above it in fetch.folder"
                )
        for path in [Path(folder, name) for name in files if name != NOTES and not name.startswith(".")]:
            if path.suffix.lower() not in SUFFIXES:
                skipped[path] = "no image by its name"
            elif path.is_file():
                images.append(path)
            else:
                skipped[path] = "no file"
    if any(path.parent != top for path in images):
        skipped |= {path: "in no person's folder" for path in images if path.parent == top}
    return sorted(path for path in images if path not in skipped), skipped


def _refuse(error: OSError) -> NoReturn:
    raise error
