"""Labeled Faces in the Wild: downloaded with a time-out and progress, then read by scikit-learn."""

import errno
import shutil
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import requests
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import fetch_lfw_people, get_data_home

from sparsefaces.errors import UserError
from sparsefaces.images import resized
from sparsefaces.progress import Progress
from sparsefaces.sources.faces import Faces, UnreachableError, prepare_all

IMAGES, PEOPLE = 13_233, 5_749
SIZE = 250  # pixels, height and width of an original image
CROP = (70, 195, 78, 172)  # scikit-learn's default: the face without most of the background
FOLDER, ARCHIVE = "lfw_funneled", "lfw-funneled.tgz"

# Where scikit-learn downloads from, and the SHA-256 that it asks for (sklearn/datasets/_lfw.py).
URLS = {
    "pairsDevTrain.txt": "https://ndownloader.figshare.com/files/5976012",
    "pairsDevTest.txt": "https://ndownloader.figshare.com/files/5976009",
    "pairs.txt": "https://ndownloader.figshare.com/files/5976006",
    ARCHIVE: "https://ndownloader.figshare.com/files/5976015",
}
HASHES = {
    "pairsDevTrain.txt": "1d454dada7dfeca0e7eab6f65dc4e97a6312d44cf142207be28d688be92aabfa",
    "pairsDevTest.txt": "7cb06600ea8b2814ac26e946201cdb304296262aad67d046a16a7ec85d0ff87c",
    "pairs.txt": "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592",
    ARCHIVE: "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a",
}


def read(crop: tuple[int, int, int, int] | None, resize: float | tuple[int, int], timeout: float) -> Faces:
    """Read LFW, downloading what scikit-learn's data folder lacks.

    Args:
        crop: (top, bottom, left, right) in pixels of the 250 x 250 originals; None for scikit-learn's.
        resize: A factor, or (height, width).
        timeout: Seconds the host may stay silent.

    Raises:
        UnreachableError: The host cannot be reached.
        UserError: What was downloaded, or lies on disk, is damaged; or the crop does not fit.
    """
    top, bottom, left, right = crop = crop or CROP
    if not (top < bottom <= SIZE and left < right <= SIZE):
        raise UserError(f"fetch.crop is {list(crop)}, but LFW's images are {SIZE} x {SIZE} pixels")
    if min(resized(bottom - top, right - left, resize)) < 1:
        raise UserError(f"fetch.resize is {resize}: of a crop of {bottom - top} x {right - left}, nothing is left")
    home = Path(get_data_home()) / "lfw_home"
    download(home, timeout)
    factor = None if isinstance(resize, tuple) else resize
    print(f"Reading LFW's {IMAGES:,} images (up to a minute the first time)", flush=True)
    try:
        lfw = fetch_lfw_people(
            resize=factor, slice_=(slice(top, bottom), slice(left, right)), download_if_missing=False
        )
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
            raise  # no permission or a full disk: nothing is wrong with the images
        raise UserError(_damaged(home, str(error))) from None
    if (len(lfw.images), len(lfw.target_names)) != (IMAGES, PEOPLE):
        found = f"{len(lfw.images):,} images of {len(lfw.target_names):,} people"
        raise UserError(_damaged(home, f"{found} instead of {IMAGES:,} of {PEOPLE:,}"))
    return Faces(_to_size(lfw.images, resize), source="lfw", people=lfw.target.astype(np.int32), wanted="lfw")


def _to_size(images: NDArray[np.float32], resize: float | tuple[int, int]) -> NDArray[np.float32]:
    """Resize to a (height, width), which scikit-learn's reader does not offer."""
    if not isinstance(resize, tuple):
        return images
    grey = (images * 255).round().astype(np.uint8)
    rows = range(len(grey))
    return prepare_all(rows, lambda row: Image.fromarray(grey[row]), lambda row: f"face {row}", None, resize)


def download(home: Path, timeout: float) -> None:
    """Complete scikit-learn's folder for LFW: each file whole and with the right hash, or not at all.

    Raises:
        UnreachableError: The host refuses, stays silent or breaks off.
        UserError: A file arrives, but is not what scikit-learn's hashes ask for.
    """
    wanted = [name for name in URLS if not (home / (FOLDER if name == ARCHIVE else name)).exists()]
    for name in wanted:
        _download_file(home, name, timeout)
    if ARCHIVE in wanted:
        _unpack(home)


def _download_file(home: Path, name: str, timeout: float) -> None:
    import pooch  # noqa: PLC0415 - only a download needs it

    with closing(Progress(f"Downloading {name}", unit="B", scale=True)) as progress:
        downloader = pooch.HTTPDownloader(progressbar=progress, timeout=timeout, chunk_size=1 << 16)
        try:
            pooch.retrieve(URLS[name], f"sha256:{HASHES[name]}", name, home, downloader=downloader)
        except requests.RequestException as error:
            reason = f"LFW could not be downloaded ({_kind(error)})"
            raise UnreachableError(
                f"{reason}: {URLS[name]}\n"
                "check the network, set fetch.fallback or fetch.source to orl in params.yaml, "
                f"or put LFW into {home} by hand (README, Faces)",
                reason,
            ) from None
        except ValueError:
            raise UserError(
                f"{name}, downloaded from {URLS[name]}, is damaged: its SHA-256 is not the published one; "
                "try again, or set fetch.source to orl in params.yaml"
            ) from None


def _unpack(home: Path) -> None:
    """Unpack the archive aside, then rename: a folder that exists is complete."""
    print(f"Unpacking {ARCHIVE}", flush=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".unpacking-") as aside:
        safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from 3.11.4 on
        shutil.unpack_archive(home / ARCHIVE, aside, **safely)
        (Path(aside) / FOLDER).rename(home / FOLDER)
    (home / ARCHIVE).unlink()


def _kind(error: requests.RequestException) -> str:
    """Name what went wrong without anything that differs from try to try."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    return "timed out" if isinstance(error, requests.Timeout) else "no connection"


def _damaged(home: Path, what: str) -> str:
    return f"LFW in {home} is damaged ({what}): remove that folder and run again"
