"""Hosts of LFW on this machine, in the place of the public ones."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import Host, small_archive

from sparsefaces.fetch.sources import lfw, lfw_archive
from sparsefaces.fetch.sources.download import Address


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Host]]:
    """Three hosts of a small LFW in the place of the public ones; scikit-learn's data folder is tmp_path's `data`."""
    archive = small_archive()
    hosts = [Host(archive) for _ in range(3)]
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(lfw_archive.MIRROR, raising=False)
    addresses = [Address(f"host {number}", host.url) for number, host in enumerate(hosts, start=1)]
    monkeypatch.setattr(lfw_archive, "ADDRESSES", addresses)
    monkeypatch.setattr(lfw_archive, "SHA256", hashlib.sha256(archive).hexdigest())
    monkeypatch.setattr(lfw, "IMAGES", 5)
    monkeypatch.setattr(lfw, "PEOPLE", 2)
    yield hosts
    for host in hosts:
        host.close()
