"""Gates: a real stage holds where a test wants it, until the test lets it go on. No test asks how fast a machine is."""

import os
import pty
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen

# Only a test that fails takes so long, in seconds: whatever is waited for happens, or the process ends.
DEADLINE = 240
GATE = str(Path(__file__).parent / "gate")  # the folder of sitecustomize.py


def at_step(step: int) -> str:
    """The point where a training is about to read the batch of a step."""
    return f"sparsefaces.training.batches:Batches.read={step}"


class Started(Popen):
    """A command on its way, in a group of its own; what it and its children say is read meanwhile."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str], *, terminal: bool = False) -> None:
        """Start it; on a terminal, lines keep what moves the cursor in them."""
        ours, theirs = pty.openpty() if terminal else (None, PIPE)
        text = {"encoding": "utf-8", "errors": "replace"}
        super().__init__(command, cwd=folder, env=env, start_new_session=True, stdout=theirs, stderr=STDOUT, **text)
        if terminal:
            os.close(theirs)
            self.stdout = os.fdopen(ours, newline="\n", **text)
        STARTED.append(self)
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # OSError is how a terminal says that nobody writes to it any more.
        with self.stdout, suppress(OSError):
            for line in self.stdout:
                self._lines.append(line)

    def said(self) -> str:
        return "".join(self._lines)

    def is_over(self) -> bool:
        """Tell whether it has ended, and every child that could say more."""
        return self.poll() is not None and not self._reader.is_alive()

    def wait_until_said(self, words: str) -> None:
        wait_until(lambda: words in self.said(), self)

    def end(self, code: int | None = 0, seconds: float = DEADLINE) -> str:
        """Wait until it is over and return what was said; `code` None takes any exit code."""
        wait_until(self.is_over, self, seconds)
        assert code in (None, self.returncode), f"{self.args} exited with {self.returncode}:\n{self.said()}"
        return self.said()


STARTED: list[Started] = []


def end_all() -> None:
    """Kill what tests have started and is still there, with its children."""
    for process in STARTED:
        if not process.is_over():
            with suppress(ProcessLookupError, PermissionError):  # macOS says the second of a group of zombies
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(happened: Callable[[], object], process: Started | None = None, seconds: float = DEADLINE) -> None:
    """Wait for something that happens sooner or later, unless the process that does it ends."""
    end = time.monotonic() + seconds
    while not happened():
        over = process is not None and process.is_over()
        assert not over or happened(), f"ended with {process.returncode}:\n{process.said()}"
        assert time.monotonic() < end, f"it did not happen:\n{process.said() if process else ''}"
        time.sleep(0.02)


class Gate:
    """Holds the processes that have its environment at some points, while it is closed."""

    def __init__(self, folder: Path, *points: str) -> None:
        """Close a gate; `points` as in gate/sitecustomize.py."""
        self._folder, self._points = folder, points
        folder.mkdir()

    @property
    def env(self) -> dict[str, str]:
        return {"GATE": str(self._folder), "GATE_AT": " ".join(self._points), "GATE_KEEPER": str(os.getpid())}

    def wait(self, process: Started | None = None, stage: str = "train_sparse") -> int:
        """Wait until a stage holds; return its process id."""
        wait_until((self._folder / stage).exists, process)
        return int((self._folder / stage).read_text())

    def pass_one(self, stage: str = "train_sparse") -> None:
        """Let a stage that holds go on, until it comes to the next point."""
        (self._folder / stage).unlink()

    def open(self) -> None:
        """Let go on who holds, now and later."""
        (self._folder / "open").touch()
