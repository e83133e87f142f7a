"""Labeled Faces in the Wild, read by scikit-learn; its archive is downloaded if it is not there."""

import os
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import requests
from PIL import Image
from sklearn.datasets import fetch_lfw_people, get_data_home

from sparsefaces.base.addresses import quote_login, without_login
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import sha256
from sparsefaces.base.progress import Progress, say
from sparsefaces.fetch.images import Crop, Size, plan
from sparsefaces.fetch.sources.faces import Faces, UnreachableError, prepare_all

IMAGES, PEOPLE = 13_233, 5_749
SIZE = 250  # pixels, height and width of an original image
CROP = (70, 195, 78, 172)  # scikit-learn's default: the face without most of the background
HOME, FOLDER, ARCHIVE = "lfw_home", "lfw_funneled", "lfw-funneled.tgz"
# Lists that scikit-learn wants beside the images, though it reads none of them for people.
PAIRS = ("pairs.txt", "pairsDevTrain.txt", "pairsDevTest.txt")
# The archive's SHA-256 and its first address are scikit-learn's (sklearn/datasets/_lfw.py); the second is the
# same file through figshare's API, the third where it was first published.
SHA256 = "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a"
ADDRESSES = (
    "https://ndownloader.figshare.com/files/5976015",
    "https://api.figshare.com/v2/file/download/5976015",
    f"http://vis-www.cs.umass.edu/lfw/{ARCHIVE}",
)
MIRROR = "SPARSEFACES_LFW_MIRROR"  # goes before machine.lfw_mirror
CHUNK = 1 << 16  # bytes


def read(crop: Crop, resize: Size, mirror: str | None, timeout: float) -> Faces:
    """Read LFW from scikit-learn's data folder, downloading it if it is not there.

    Args:
        crop: (top, bottom, left, right) in pixels of the 250 x 250 originals; None for scikit-learn's.
        resize: A factor, or (height, width).
        mirror: An address that has the archive, tried before the public ones.
        timeout: Seconds an address may stay silent.

    Raises:
        UnreachableError: No address serves the archive.
        UserError: What lies on disk is damaged.
    """
    plan(SIZE, SIZE, crop or CROP, resize, "an image of LFW")  # refuses a crop that does not fit
    home = Path(get_data_home()) / HOME
    if not (home / FOLDER).exists():
        _install(home, mirror, timeout)
    for name in PAIRS:
        (home / name).touch()
    top, bottom, left, right = crop or CROP
    factor = None if isinstance(resize, tuple) else resize
    say(f"Reading LFW's {IMAGES:,} images (up to a minute)")
    slices = slice(top, bottom), slice(left, right)
    try:
        lfw = fetch_lfw_people(resize=factor, slice_=slices, download_if_missing=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"LFW in {home} cannot be read ({error}): remove that folder and run again") from None
    if (len(lfw.images), len(lfw.target_names)) != (IMAGES, PEOPLE):
        raise UserError(f"LFW in {home} is not whole ({len(lfw.images):,} images): remove that folder and run again")
    images = lfw.images
    if factor is None:
        grey = (images * 255).round().astype(np.uint8)
        load, named = lambda row: Image.fromarray(grey[row]), "image {}".format
        images = prepare_all("lfw", range(IMAGES), load, named, crop=None, resize=resize).images
    return Faces(images, "lfw", lfw.target.astype(np.int32), requested="lfw")


def _install(home: Path, mirror: str | None, timeout: float) -> None:
    """Download the archive, unless it is there, and unpack it aside: a folder that exists is complete."""
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as aside:
        archive = home / ARCHIVE if (home / ARCHIVE).exists() else _download(Path(aside, ARCHIVE), mirror, timeout)
        if sha256(archive) != SHA256:
            raise UserError(f"{archive} is not the published archive (its SHA-256 is another): see docs/data.md")
        say(f"Unpacking {ARCHIVE}")
        shutil.unpack_archive(archive, aside)
        Path(aside, FOLDER).rename(home / FOLDER)


def _download(path: Path, mirror: str | None, timeout: float) -> Path:
    base, reasons = os.environ.get(MIRROR) or mirror, []
    for address in ([f"{quote_login(base).rstrip('/')}/{ARCHIVE}"] if base else []) + [*ADDRESSES]:
        say(f"Downloading {ARCHIVE} from {without_login(address)}")
        try:
            response = requests.get(address, timeout=timeout, stream=True, headers={"Accept-Encoding": "identity"})
            response.raise_for_status()
            response.raw.headers.pop("Content-Encoding", None)  # some hosts call .tgz an encoding, which is undone then
            size = int(response.headers.get("Content-Length", 0))
            with response, path.open("wb") as file, closing(Progress(ARCHIVE, size, unit="B", scale=True)) as progress:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    progress.update(len(chunk))
        except requests.RequestException as error:
            reasons.append(without_login(str(error)))
        else:
            if path.stat().st_size and sha256(path) == SHA256:
                return path
            reasons.append("what it sends is not the published archive")
        say(f"  not served: {reasons[-1]}")
    raise UnreachableError(
        f"LFW could not be downloaded ({'; '.join(reasons)}): check the network, or set fetch.fallback or fetch.source "
        "to orl in params.yaml; docs/data.md tells how to get the archive by hand"
    )
