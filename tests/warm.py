"""DVC and stages that start warm: forked from a process that has imported their packages, which takes seconds.

A stage's own code is still read anew, from the project that a test made, and each process is its own, in a group of
its own: it has the fork server for its parent, so that tests of who is whose child start cold, as a user's do. So do
all if their environment has a variable that would count at a start, such as a fault, and with WARM=0.
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
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

import psutil
from filelock import FileLock
from gates import has_ended

# Read when they are needed, not when Python or a package starts: they may differ.
LATE = ("GATE", "MLFLOW_", "DVC_", "GIT_", "SPARSEFACES_", "AWS_", "SLURM_", "PYTEST_", "CELERY_", "_MP_FORK_")
LATE += ("GITHUB_", "http_proxy=", "https_proxy=", "TORCHINDUCTOR_")  # torch.compile sets the last in a test
LATE += ("RANK=", "LOCAL_", "GROUP_", "ROLE_", "WORLD_SIZE=", "MASTER_", "TORCHELASTIC_", "TORCH_NCCL_")  # torchrun's
LATE += ("PATH=", "PWD=", "OLDPWD=", "SHLVL=", "_=", "COLUMNS=", "SCIKIT_LEARN_DATA=")
LATE += ("SEEDS=", "JOBS=", "LAMBDAS=", "BASE=", "OMP_NUM_THREADS=")  # see `settle` for the last
# What the stages import while they run.
PACKAGES = (
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
JOB = "--multiprocessing-fork"  # the last word of what starts a process of multiprocessing's

# In the place of `python` and `dvc`. The command starts cold if it is no stage, job or DVC, or if nobody takes it.
SHIM = """#!/bin/sh
'''exec' "{python}" -IS "$0" "$@"
' '''
import json, os, re, signal, socket, sys
def is_open(file):
    try:
        return bool(os.fstat(file))
    except OSError:
        return False
name = os.path.basename(sys.argv[0])
words = sys.argv[1:] if name == "python" else sys.argv
files = [0, 1, 2]
if words[-1:] == ["{job}"]:  # a stage started it, and tells it the numbers of more files
    files = [file for file in map(int, os.listdir("/proc/self/fd")) if is_open(file)]
early = {{name: value for name, value in os.environ.items() if not f"{{name}}=".startswith({late})}}
if "GATE" in os.environ:
    del early["PYTHONPATH"]  # the gate's
try:
    if name == "python" and words[-1:] != ["{job}"] and not re.fullmatch("src/.*[.]py", words[0] if words else ""):
        raise OSError
    if early != json.load(open("{folder}/early.json")):
        raise OSError
    server = socket.socket(socket.AF_UNIX)
    server.connect("{folder}/socket")
    request = json.dumps([words, files, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(request).to_bytes(8, "big")], files)
    server.sendall(request)
    said = server.makefile()
    child = int(said.readline() or 0)
    if not child:
        raise OSError
except OSError:
    os.execv(f"{bin}/{{name}}", [f"{bin}/{{name}}", *sys.argv[1:]])
def forward(number, frame):
    try:
        (os.killpg if number == signal.SIGINT else os.kill)(child, number)  # a terminal's Ctrl-C is for the group
    except ProcessLookupError:
        pass
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, forward)
code = int(said.readline() or 1)
if code < 0:
    if code != -signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class Warm:
    """What takes the place of `python` and `dvc`, in a folder, and the process that they ask: one for all workers."""

    def __init__(self) -> None:
        worker = "PYTEST_XDIST_WORKER" in os.environ
        keeper = os.getppid() if worker else os.getpid()  # with whose end the process ends
        # The path of a socket must be short.
        number = os.environ["PYTEST_XDIST_TESTRUNUID"] if worker else uuid4().hex
        self.folder = Path(gettempdir()) / f"warm-{number[:12]}"
        with FileLock(f"{self.folder}.lock"):
            if not self.folder.exists():
                self._start(keeper)

    def _start(self, keeper: int) -> None:
        self.folder.mkdir(mode=0o700)  # what is in the environment is nobody else's
        python = Path(sys.executable)
        for name in ("python", "dvc"):
            shim = SHIM.format(python=python, bin=python.parent, late=LATE, folder=self.folder, job=JOB)
            (self.folder / name).write_text(shim)
            (self.folder / name).chmod(0o755)
        early = {name: value for name, value in os.environ.items() if not f"{name}=".startswith(LATE)}
        (self.folder / "early.json").write_text(json.dumps(early))
        env = early | {"PATH": os.environ["PATH"], "MLFLOW_DISABLE_TELEMETRY": "true"}
        with socket.socket(socket.AF_UNIX) as listener:  # whoever comes before the server is ready waits for it
            listener.bind(str(self.folder / "socket"))
            listener.listen(64)
            number = listener.fileno()
            command = [sys.executable, __file__, str(number), str(self.folder), str(keeper)]
            self._process = subprocess.Popen(command, env=env, pass_fds=[number])


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


def serve(listener: socket.socket, keeper: psutil.Process) -> list[str] | None:
    """Fork a child for each command; return in the child: the command that it is to run; None once the keeper ends."""
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
            with suppress(OSError, ValueError):  # who asked may be gone
                size, files, _, _ = socket.recv_fds(client, 8, MOST_FILES)
                words, numbers, folder, env = json.loads(client.makefile("rb").read(int.from_bytes(size, "big")))
                child = fork()
                if not child:
                    selector.close()
                    for other in (ended, wake, listener, client, *children.values()):
                        other.close()
                    settle(files, numbers, folder, env)
                    return words
                children[child] = client
                selector.register(client, selectors.EVENT_READ)
                for file in files:
                    os.close(file)
                client.sendall(f"{child}\n".encode())
    return None


def fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads of BLAS, which a child starts anew
        return os.fork()


def settle(files: list[int], numbers: list[int], folder: str, env: dict[str, str]) -> None:
    """Give this process what a command's own would have: a group, files, a folder, an environment, signals."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
    command = None
    try:
        waited_for = psutil.Process(int(keeper))
        preload(Path(__file__).parents[1] / "src")
        command = serve(socket.socket(fileno=int(number)), waited_for)
    except psutil.NoSuchProcess:
        pass  # the tests are over already
    finally:
        if command is None:
            shutil.rmtree(folder)
            Path(f"{folder}.lock").unlink(missing_ok=True)
    if command is None:
        sys.exit()
    sys.argv = command
    sys.executable = f"{folder}/python"  # what a stage starts as one of several that train together
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    leave.code = 1  # of an exception, which is shown first
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
