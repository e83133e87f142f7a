"""One process makes a stage at a time: others wait for it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparsefaces.base.locks import locked
from sparsefaces.base.params import PARAMS_FILE


@contextmanager
def alone(work: str) -> Iterator[None]:
    """Wait until no other process does this work, such as a stage, in this folder; let none begin within the block."""
    if not PARAMS_FILE.is_file():  # no project's folder: the script says so, and leaves nothing in it
        yield
        return
    path = Path(".scratch") / f"{re.sub('[^a-z_]', '_', work)}.lock"
    with locked(path, f"another process is still at {work} in this folder: waiting for its end"):
        yield
