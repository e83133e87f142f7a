"""Functions in processes of their own, which start warm if they can (tests/warm.py): forked, with all imported."""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing import spawn
from multiprocessing.context import SpawnProcess
from pathlib import Path

from gates import wait_until
from projects import warm

FORKS = multiprocessing.get_context("spawn")  # for what they share, such as a barrier


def start(function: Callable[..., object], *arguments: object, daemon: bool = False) -> SpawnProcess:
    """Start a function; a daemon ends with the tests, and has no processes of its own."""
    process = FORKS.Process(target=function, args=arguments, daemon=daemon)
    former = spawn.get_executable()
    try:
        if started := warm():
            spawn.set_executable(str(started.folder / "python"))
        process.start()
    finally:
        spawn.set_executable(former)
    return process


class Forked:
    """A function on its way in a group of its own, with an environment; what it says goes into a file."""

    def __init__(self, function: Callable[..., None], folder: Path, env: Mapping[str, str], *arguments: object) -> None:
        self._said, number = folder / "said.txt", folder / "number.txt"
        number.unlink(missing_ok=True)
        self._process = start(_become, folder, dict(env), function, *arguments, daemon=True)
        wait_until(lambda: number.exists() and number.read_text(), self)
        self.pid = int(number.read_text())  # one that started warm is not the process that asked for it

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def is_over(self) -> bool:
        return not self._process.is_alive()

    def said(self) -> str:
        return self._said.read_text(encoding="utf-8", errors="replace") if self._said.exists() else ""

    def wait(self, seconds: float) -> None:
        self._process.join(seconds)


def _become(folder: Path, env: Mapping[str, str], function: Callable[..., None], *arguments: object) -> None:
    os.setpgid(0, 0)
    with (folder / "said.txt").open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    Path("number.txt").write_text(str(os.getpid()))
    function(*arguments)
