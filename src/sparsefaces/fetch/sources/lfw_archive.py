"""Where LFW's images are: in scikit-learn's data folder, or in the archive, found there or downloaded."""

import os
import re
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from sklearn.datasets import get_data_home

from sparsefaces.base.addresses import without_login
from sparsefaces.base.errors import UserError
from sparsefaces.fetch.sources.download import DAMAGED, Address, download, hash_of
from sparsefaces.fetch.sources.faces import UnreachableError

HOME, FOLDER, ARCHIVE = "lfw_home", "lfw_funneled", "lfw-funneled.tgz"

# The archive's SHA-256 and its first address are scikit-learn's (sklearn/datasets/_lfw.py); the second is the
# same file through figshare's API, the third where it was first published.
SHA256 = "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a"
ADDRESSES = (
    Address("figshare", "https://ndownloader.figshare.com/files/5976015"),
    Address("figshare's API", "https://api.figshare.com/v2/file/download/5976015"),
    Address("University of Massachusetts", "http://vis-www.cs.umass.edu/lfw/lfw-funneled.tgz"),
)
MIRROR = "SPARSEFACES_LFW_MIRROR"  # goes before machine.lfw_mirror
BY_HAND = f"docs/data.md tells how to put {ARCHIVE} there by hand"


def find_images(private: Path, mirror: str | None, timeout: float) -> Path:
    """Find the folder of images in scikit-learn's data folder; unpack or download the archive if need be.

    Args:
        private: A folder that goes away, in which an archive is unpacked that lies where nothing may be written.
        mirror: As for `lfw.read`.
        timeout: As for `lfw.read`.

    Raises:
        UnreachableError: No address serves the archive.
        UserError: The archive is damaged, or cannot be put into the data folder.
    """
    home = Path(HOME)
    try:
        data = Path(get_data_home())
        home = data / HOME
        if (home / FOLDER).exists():
            return home / FOLDER
        archive = next((path for path in (home / ARCHIVE, data / ARCHIVE) if path.is_file()), None)
        if archive is None:
            return _download(home, mirror, timeout)
        if hash_of(archive) == SHA256:
            writable = os.access(home if home.exists() else data, os.W_OK)
            return _unpack(archive, home if writable else private / "unpacked")
    except OSError as error:
        raise UserError(
            f"LFW cannot be put into {error.filename or home} ({error.strerror or error}): make room there and see "
            "that you may write there, or name another data folder in the environment variable SCIKIT_LEARN_DATA"
        ) from None
    raise UserError(
        f"{archive} is not the published archive (its SHA-256 is another): was it downloaded to the end? "
        "Remove it or download it again (docs/data.md)"
    )


def _download(home: Path, mirror: str | None, timeout: float) -> Path:
    """Download and unpack the archive, and leave nothing but the folder of images."""
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".download-") as aside:
        archive = Path(aside) / ARCHIVE
        answers = download(archive, SHA256, _addresses(mirror), timeout)
        if not answers:
            return _unpack(archive, home)
    listed = "\n".join(f"  {without_login(address.url)}: {reason}" for address, reason in answers.items())
    if DAMAGED in answers.values():
        raise UserError(
            f"{ARCHIVE} arrives damaged:\n{listed}\n"
            f"try again later, or set fetch.source to orl in params.yaml; {BY_HAND}"
        )
    reasons = "; ".join(f"{address.name}: {reason}" for address, reason in answers.items())
    raise UnreachableError(
        f"LFW could not be downloaded:\n{listed}\n"
        f"check the network, or set fetch.fallback or fetch.source to orl in params.yaml; {BY_HAND}",
        f"LFW could not be downloaded ({reasons})",
    )


def _addresses(mirror: str | None) -> tuple[Address, ...]:
    """List where the archive may be had, a mirror first.

    Raises:
        UserError: The mirror that the environment names is not an address.
    """
    named = os.environ.get(MIRROR)
    if named and not re.fullmatch(r"https?://[^\s?#]+", named):
        raise UserError(
            f"{MIRROR} is {without_login(named)!r}; it must be an address, http:// or https://, that has {ARCHIVE}"
        )
    base = named or mirror
    return (Address("the mirror", f"{base.rstrip('/')}/{ARCHIVE}"), *ADDRESSES) if base else ADDRESSES


def _unpack(archive: Path, home: Path) -> Path:
    """Unpack the archive aside, then rename: a folder that exists is complete."""
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".unpacking-") as aside:
        print(f"Unpacking {ARCHIVE}", flush=True)
        safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from 3.11.4 on
        shutil.unpack_archive(archive, aside, **safely)
        try:
            (Path(aside) / FOLDER).rename(home / FOLDER)
        except OSError:
            if not (home / FOLDER).exists():  # else another process was faster
                raise
    return home / FOLDER
