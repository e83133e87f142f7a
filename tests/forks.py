"""Processes that start warm: forked from one that has imported MLflow and its server, and has no threads.

Cold, as a user's, on macOS, whose libraries mind a fork, and with WARM=0.
"""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

COLD = sys.platform == "darwin" or os.environ.get("WARM") == "0"
FORKS = multiprocessing.get_context("spawn" if COLD else "forkserver")
# uvicorn first: its presence tells MLflow's app that it will be served.
FORKS.set_forkserver_preload(["sparsefaces.tracking.runs", "uvicorn.__main__", "mlflow.server.fastapi_app"])


class Forked:
    """A function on its way in a process and a group of its own, with an environment; what it says goes into a file."""

    def __init__(self, function: Callable[..., None], folder: Path, env: Mapping[str, str], *arguments: object) -> None:
        self._log = folder / "said.txt"
        self._process = FORKS.Process(target=_become, args=(self._log, dict(env), function, *arguments), daemon=True)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def is_over(self) -> bool:
        return not self._process.is_alive()

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def wait(self, seconds: float) -> None:
        self._process.join(seconds)


def _become(log: Path, env: Mapping[str, str], function: Callable[..., None], *arguments: object) -> None:
    os.setsid()
    with log.open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    os.chdir(log.parent)
    os.environ.clear()
    os.environ.update(env)
    function(*arguments)


def run_mlflow(arguments: Sequence[str]) -> None:
    """Run MLflow's command line; the server that it would start as one more process takes its place."""
    import mlflow.server
    from mlflow.cli import cli

    def become_server(command: Sequence[str], extra_env: Mapping[str, str], **_: object) -> None:
        os.environ.update(extra_env)
        assert command[1] == "-m"
        sys.argv = list(command[2:])
        runpy.run_module(command[2], run_name="__main__", alter_sys=True)

    mlflow.server._exec_cmd = become_server
    cli(list(arguments))
