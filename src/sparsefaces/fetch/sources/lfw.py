"""Labeled Faces in the Wild, read by scikit-learn."""

import errno
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import fetch_lfw_people
from sklearn.utils import Bunch

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.images import Crop, Size, plan
from sparsefaces.fetch.sources.faces import Faces, prepare_all
from sparsefaces.fetch.sources.lfw_archive import FOLDER, HOME, find_images

IMAGES, PEOPLE = 13_233, 5_749
SIZE = 250  # pixels, height and width of an original image
CROP = (70, 195, 78, 172)  # scikit-learn's default: the face without most of the background
# Lists that scikit-learn wants beside the images, though it reads none of them for people.
PAIRS = ("pairs.txt", "pairsDevTrain.txt", "pairsDevTest.txt")


def read(crop: Crop, resize: Size, mirror: str | None, timeout: float) -> Faces:
    """Read LFW from scikit-learn's data folder, downloading it if it is not there.

    Args:
        crop: (top, bottom, left, right) in pixels of the 250 x 250 originals; None for scikit-learn's.
        resize: A factor, or (height, width).
        mirror: An address that has the archive, tried before the public ones.
        timeout: Seconds an address may stay silent.

    Raises:
        UnreachableError: No address serves the archive.
        UserError: What was downloaded, or lies on disk, is damaged; it cannot be written; or the crop does not fit.
    """
    (left, top, right, bottom), _ = plan(SIZE, SIZE, crop or CROP, resize, "an image of LFW")  # before it is downloaded
    factor = None if isinstance(resize, tuple) else resize
    with tempfile.TemporaryDirectory(prefix="sparsefaces-") as private:
        folder = find_images(Path(private), mirror, timeout)
        print(f"Reading LFW's {IMAGES:,} images (up to a minute)", flush=True)
        lfw = _read(folder, Path(private), resize=factor, slice_=(slice(top, bottom), slice(left, right)))
        with Image.open(min(folder.rglob("*.jpg"))) as first:
            mode = first.mode
    if (len(lfw.images), len(lfw.target_names)) != (IMAGES, PEOPLE):
        found = f"{len(lfw.images):,} images of {len(lfw.target_names):,} people"
        raise UserError(_damaged(folder, f"{found} instead of {IMAGES:,} of {PEOPLE:,}"))
    images, people = _to_size(lfw.images, resize), lfw.target.astype(np.int32)
    return Faces(images, source="lfw", people=people, wanted="lfw", file_mode=mode)


def _read(folder: Path, private: Path, **how: Any) -> Bunch:  # noqa: ANN401 - scikit-learn's arguments
    """Let scikit-learn read a folder of images through a link in a private one.

    It keeps a cache beside what it reads, which would outlive a change of the images and needs a folder that can
    be written.
    """
    home = private / HOME
    home.mkdir()
    for name in PAIRS:
        (home / name).touch()
    (home / FOLDER).symlink_to(folder.resolve(), target_is_directory=True)
    try:
        return fetch_lfw_people(data_home=private, download_if_missing=False, **how)
    except (OSError, ValueError, RuntimeError) as error:
        message = str(error).replace(str(home / FOLDER), str(folder))
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
            raise UserError(f"LFW cannot be read: {message}") from None  # no permission, say: the images may be fine
        raise UserError(_damaged(folder, message)) from None


def _to_size(images: NDArray[np.float32], resize: Size) -> NDArray[np.float32]:
    """Resize to a (height, width), which scikit-learn's reader does not offer."""
    if not isinstance(resize, tuple):
        return images
    grey = (images * 255).round().astype(np.uint8)
    rows = range(len(grey))
    return prepare_all(rows, lambda row: Image.fromarray(grey[row]), lambda row: f"image {row}", None, resize)


def _damaged(folder: Path, what: str) -> str:
    return f"LFW in {folder} is damaged ({what}): remove that folder and run again"
