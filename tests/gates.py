"""Gates: a real stage holds where a test wants it, until the test lets it go on. No test asks how fast a machine is."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# Only a test that fails takes so long: whatever is waited for happens, or the process ends.
DEADLINE = 600


def at_step(step: int) -> str:
    """The point where a training is about to read the batch of a step."""
    return f"sparsefaces.batches:Batches.read={step}"


def wait_until(happened: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    """Wait for something that happens sooner or later, unless the process that does it ends."""
    end = time.monotonic() + DEADLINE
    while not happened():
        ended = process is not None and process.poll() is not None
        assert not ended or happened(), f"ended with {process.returncode}:\n{process.communicate()[0]}"
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class Gate:
    """Holds the processes that have its environment at some points, while it is closed."""

    def __init__(self, folder: Path, *points: str) -> None:
        """Close a gate; `points` as in gate/sitecustomize.py."""
        self._folder, self._points = folder, points
        folder.mkdir()

    @property
    def env(self) -> dict[str, str]:
        path = [str(Path(__file__).parent / "gate"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"GATE": str(self._folder), "GATE_AT": " ".join(self._points), "PYTHONPATH": os.pathsep.join(path)}

    def wait(self, process: subprocess.Popen | None = None, stage: str = "train_sparse") -> int:
        """Wait until a stage holds; return its process id."""
        wait_until((self._folder / stage).exists, process)
        return int((self._folder / stage).read_text())

    def open(self) -> None:
        """Let go on who holds, now and later."""
        (self._folder / "open").touch()
