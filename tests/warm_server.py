"""The process that has imported the packages of DVC and the stages, and forks one for each command it is asked for.

Usage: python warm_server.py LISTENER FOLDER KEEPER: the number of its socket, warm.py's folder, and the process with
which it ends.
"""

import atexit
import fcntl
import gc
import json
import multiprocessing
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
from gates import has_ended
from warm_shim import JOB

# What MLflow's server imports; uvicorn first: its presence tells MLflow's app that it will be served.
PACKAGES = ("uvicorn.__main__", "mlflow.server.fastapi_app", "mlflow.cli")
# What the stages import while they run.
PACKAGES += (
    "git",
    "IPython.display",
    "matplotlib.backends.backend_agg",
    "matplotlib.style",
    "mlflow.models.display_utils",
)
PACKAGES += ("mlflow.pyfunc.scoring_server", "mlflow.store.model_registry.sqlalchemy_store", "sklearn.datasets")
PACKAGES += ("mlflow.store.tracking.sqlalchemy_store", "opentelemetry.sdk.metrics.export", "PIL.WebPImagePlugin")

# What DVC imports while it runs.
PACKAGES += ("dulwich.porcelain", "dvc.cachemgr", "dvc.cli.parser", "dvc.dirs", "dvc.repo.brancher", "dvc.repo.graph")
PACKAGES += ("dvc.repo.experiments.executor.local", "dvc.repo.experiments.queue.celery", "dvc.repo.experiments.run")
PACKAGES += ("dvc.repo.index", "dvc.repo.plots", "dvc.repo.reproduce", "dvc.repo.stage", "dvc.repo.trie")
PACKAGES += ("dvc.utils.hydra", "dvc.utils.strictyaml", "dvc_data.hashfile.db.local", "dvc_data.hashfile.status")
PACKAGES += ("dvc_render.vega_templates", "hydra.core.override_parser.overrides_parser", "networkx", "pygit2")

MOST_FILES = 64  # that a command is given


def preload(sources: Path) -> None:
    """Import what the stages and DVC import, and forget the project's own modules."""
    sys.path.insert(0, str(sources))
    import sparsefaces  # noqa: F401 - before torch: sets how its threads wait and round

    for script in sorted(sources.glob("*.py")):
        runpy.run_path(str(script), run_name="warm")
    for package in PACKAGES:
        import_module(package)
    import_module("PIL.Image").init()
    import_module("sqlalchemy.orm").configure_mappers()
    sys.path.remove(str(sources))
    for name in [name for name in sys.modules if name.partition(".")[0] == "sparsefaces"]:
        del sys.modules[name]
    sys.excepthook = sys.__excepthook__  # as base/script.py found it
    gc.collect()
    gc.freeze()
    gc.enable()


def serve(listener: socket.socket, keeper: psutil.Process) -> tuple[list[int], list[Any]] | None:
    """Fork a child for each command; return in it its files and what it was asked for; None once the keeper ends."""
    children: dict[int, socket.socket] = {}
    ended, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(ended, selectors.EVENT_READ)
    while not has_ended(keeper):
        ready = [key.fileobj for key, _ in selector.select(timeout=1)]
        if ended in ready:
            ended.recv(1024)
            for client in bury(children):
                selector.unregister(client)
                client.close()
        for child, client in children.items():
            if client in ready:  # it was killed
                with suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
        if listener in ready:
            client, _ = listener.accept()
            files, request = receive(client)
            child = fork() if request else None
            if child == 0:
                selector.close()
                for other in (ended, wake, listener, client, *children.values()):
                    other.close()
                return files, request
            for file in files:
                os.close(file)
            if child is None:
                client.close()
                continue
            os.setpgid(child, child)  # before anybody is told of it, and in the child, before it does anything
            children[child] = client
            selector.register(client, selectors.EVENT_READ)
            with suppress(OSError):
                client.sendall(f"{child}\n".encode())
    for child in children:
        os.killpg(child, signal.SIGKILL)
    return None


def receive(client: socket.socket) -> tuple[list[int], list[Any]]:
    """Read what a client asks for, and the files that it sends along; nothing is asked if it is gone meanwhile."""
    files: list[int] = []
    try:
        size, files, _, _ = socket.recv_fds(client, 8, MOST_FILES)
        return files, json.loads(client.makefile("rb").read(int.from_bytes(size, "big")))
    except (OSError, ValueError):
        return files, []


def fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads of BLAS, which a child starts anew
        return os.fork()


def settle(
    files: Sequence[int], numbers: Sequence[int], folder: str, env: dict[str, str], signals: Sequence[Sequence[int]]
) -> None:
    """Give this process what a command's own would have: a group, files, a folder, an environment, signals."""
    ignored, blocked = signals
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    free = [fcntl.fcntl(file, fcntl.F_DUPFD, max(numbers) + 1) for file in files]  # no number that is to be taken
    for file in files:
        os.close(file)
    for number, file in zip(numbers, free, strict=True):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    if "OMP_NUM_THREADS" in env:  # torch has read it when it was loaded
        import_module("torch").set_num_threads(int(env["OMP_NUM_THREADS"]))
    if "GATE" in env:
        sys.path[1:1] = env["PYTHONPATH"].split(os.pathsep)
        sys.modules.pop("sitecustomize", None)
        import_module("sitecustomize")


def bury(children: dict[int, socket.socket]) -> Iterator[socket.socket]:
    """Tell the clients of the children that have ended their exit codes, and yield them."""
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        client = children.pop(child)
        with suppress(OSError):
            client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        yield client


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


class Leave:
    """The last thing that a process does: end at once, instead of taking apart what it shares with the others."""

    code = 0

    def __call__(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.code)


if __name__ == "__main__":
    number, folder, keeper = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the tests' to answer
    leave = Leave()
    atexit.register(leave)  # before any other, so that it comes after all of them
    multiprocessing.set_executable(f"{folder}/python")
    server, asked = os.getpid(), None
    try:
        waited_for = psutil.Process(int(keeper))
        preload(Path(__file__).parents[1] / "src")
        asked = serve(socket.socket(fileno=int(number)), waited_for)
    except psutil.NoSuchProcess:
        pass  # the tests are over already
    finally:
        if os.getpid() == server:
            shutil.rmtree(folder)
            Path(f"{folder}.lock").unlink(missing_ok=True)
    if asked is None:
        sys.exit()
    leave.code = 1  # of an exception, which is shown first
    files, request = asked
    sys.argv, *rest = request
    settle(files, *rest)
    sys.executable = f"{folder}/python"  # what a stage starts as one of several that train together
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    try:
        if sys.argv[-1] == JOB:
            code, sys.argv = sys.argv[-2], ["-c", JOB]
            exec(code)
        elif sys.argv[0].endswith(".py"):
            runpy.run_path(sys.argv[0], run_name="__main__")
        else:
            sys.exit(import_module("dvc.cli").main())
        leave.code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        else:
            leave.code = end.code or 0
