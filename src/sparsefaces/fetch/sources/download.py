"""A gzip archive from the first of several addresses that has it: whole and as published, or not at all."""

import hashlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import requests

from sparsefaces.base.addresses import without_login
from sparsefaces.base.progress import Progress

CHUNK = 1 << 16  # bytes
DAMAGED = "damaged: its SHA-256 is not the published one"
# The first that fits an error says what went wrong before an answer came.
FAILURES: tuple[tuple[type[requests.RequestException], str], ...] = (
    (requests.Timeout, "timed out"),
    (requests.exceptions.ProxyError, "no connection to the proxy"),
    (requests.exceptions.SSLError, "no secure connection"),
    (requests.ConnectionError, "no connection"),
    (requests.TooManyRedirects, "redirects without end"),
    (requests.RequestException, "not a usable address"),
)


class Address(NamedTuple):
    """Where a file may be had: what a result may call the place, and where it is."""

    name: str
    url: str


def download(path: Path, sha256: str, addresses: Iterable[Address], timeout: float) -> dict[Address, str]:
    """Download a gzip archive, trying one address after the other.

    Args:
        path: Where the file goes; when nothing serves it, what lies there is worth nothing.
        sha256: The published hash.
        addresses: In the order in which they are tried.
        timeout: Seconds an address may stay silent.

    Returns:
        Why each address did not serve it, in the same words whenever the same is wrong; empty when the file is there.

    Raises:
        OSError: The file cannot be written.
    """
    answers = {}
    for address in addresses:
        print(f"Downloading {path.name} from {without_login(address.url)}", flush=True)
        reason = _get(address.url, path, timeout) or _fault(path, sha256)
        if reason is None:
            return {}
        print(f"  not served: {reason}", flush=True)
        answers[address] = reason
    return answers


def hash_of(path: Path) -> str:
    """Compute a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _get(url: str, path: Path, timeout: float) -> str | None:
    """Write what an address answers with 200, as the bytes that it sends; return what went wrong, if anything did."""
    try:
        response = requests.get(url, timeout=timeout, stream=True, headers={"Accept-Encoding": "identity"})
    except requests.RequestException as error:
        return next(reason for kind, reason in FAILURES if isinstance(error, kind))
    length = response.headers.get("Content-Length", "")
    progress = Progress(f"Downloading {path.name}", int(length) if length.isdecimal() else 0, unit="B", scale=True)
    with response, path.open("wb") as file, closing(progress):
        if response.status_code != requests.codes.ok:
            # What figshare's web front says to scripts, with 202 and no content.
            challenge = ", a challenge that only browsers pass" if "x-amzn-waf-action" in response.headers else ""
            return f"HTTP {response.status_code}{challenge}"
        # Some servers call the archive's own compression an encoding of the answer: without it, nothing is unpacked.
        response.raw.headers.discard("Content-Encoding")
        try:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                progress.update(len(chunk))
        except requests.RequestException:
            return "broke off"
    return None


def _fault(path: Path, sha256: str) -> str | None:
    """Say what is wrong with what arrived: an archive that is not the published one, or no archive at all."""
    if hash_of(path) == sha256:
        return None
    with path.open("rb") as file:
        start = file.read(CHUNK)
    if start.startswith(b"\x1f\x8b"):  # as every gzip archive
        return DAMAGED
    if not start:
        return "an empty answer"
    return "a web page instead of the file" if start.lstrip().startswith(b"<") else "something else than the file"
