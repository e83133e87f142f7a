"""Gates: a real stage holds where a test wants it, until the test lets it go on. No test asks how fast a machine is."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

# Only a test that fails takes so long, in seconds: whatever is waited for happens, or the process ends.
DEADLINE = 600
IN_A_CHECKPOINT = "sparsefaces.base.files:os.fsync"  # the first file that a training writes, under another name so far


def at_step(step: int) -> str:
    """The point where a training is about to read the batch of a step."""
    return f"sparsefaces.train.batches:Batches.read={step}"


class Started(subprocess.Popen):
    """A command on its way, in a group of its own, whose output goes to a file."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as file:
            super().__init__(
                command, cwd=folder, env=env, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_until_said(self, words: str, count: int = 1) -> None:
        wait_until(lambda: self.said().count(words) >= count, self)

    def end(self, code: int | None = 0) -> str:
        """Wait for the end and return what was said; `code` None takes any exit code."""
        self.wait(DEADLINE)
        assert code in (None, self.returncode), f"exited with {self.returncode}:\n{self.said()}"
        return self.said()


def wait_until(happened: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    """Wait for something that happens sooner or later, unless the process that does it ends."""
    end = time.monotonic() + DEADLINE
    while not happened():
        ended = process is not None and process.poll() is not None
        assert not ended or happened(), f"ended with {process.returncode}:\n{_said(process)}"
        assert time.monotonic() < end, f"it did not happen:\n{_said(process)}"
        time.sleep(0.02)


def has_ended(process: psutil.Process) -> bool:
    """Tell whether a process that nobody may wait for is over."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _said(process: subprocess.Popen | None) -> str:
    return process.said() if isinstance(process, Started) else ""


class Gate:
    """Holds the processes that have its environment at some points, while it is closed."""

    def __init__(self, folder: Path, *points: str) -> None:
        """Close a gate; `points` as in gate/sitecustomize.py."""
        self._folder, self._points = folder, points
        folder.mkdir()

    @property
    def env(self) -> dict[str, str]:
        path = [str(Path(__file__).parent / "gate"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            "GATE": str(self._folder),
            "GATE_AT": " ".join(self._points),
            "GATE_KEEPER": str(os.getpid()),
            "PYTHONPATH": os.pathsep.join(path),
        }

    def wait(self, process: subprocess.Popen | None = None, stage: str = "train_sparse") -> int:
        """Wait until a stage holds; return its process id."""
        wait_until((self._folder / stage).exists, process)
        return int((self._folder / stage).read_text())

    def pass_one(self, stage: str = "train_sparse") -> None:
        """Let a stage that holds go on, until it comes to the next point."""
        (self._folder / stage).unlink()

    def open(self) -> None:
        """Let go on who holds, now and later."""
        (self._folder / "open").touch()
