"""DVC and stages that start warm: forked from a process that has imported their packages, which takes seconds.

In the place of `python` and `dvc` stands a word to that process (warm_shim.py), which is warm_server.py. A stage's own
code is still read anew, from the project that a test made, and each process is its own, in a group of its own: it has
the server for its parent, so that tests of who is whose child start cold, as a user's do. So do all if their
environment has a variable that would count at a start, such as a fault, and with WARM=0.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from shlex import quote
from tempfile import gettempdir
from uuid import uuid4

from filelock import FileLock

HERE = Path(__file__).parent
# Read when they are needed, not when Python or a package starts: they may differ.
LATE = ("GATE", "MLFLOW_", "DVC_", "GIT_", "SPARSEFACES_", "AWS_", "SLURM_", "PYTEST_", "CELERY_", "_MP_FORK_")
LATE += ("GITHUB_", "http_proxy=", "https_proxy=", "TORCHINDUCTOR_")  # torch.compile sets the last in a test
LATE += ("RANK=", "LOCAL_", "GROUP_", "ROLE_", "WORLD_SIZE=", "MASTER_", "TORCHELASTIC_", "TORCH_NCCL_")  # torchrun's
LATE += ("PATH=", "PWD=", "OLDPWD=", "SHLVL=", "_=", "COLUMNS=", "LINES=", "SCIKIT_LEARN_DATA=")
LATE += ("SEEDS=", "JOBS=", "LAMBDAS=", "BASE=", "OMP_NUM_THREADS=")  # see the server's `settle` for the last


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
        for name in ("python", "dvc"):
            words = (sys.executable, "-IS", HERE / "warm_shim.py", self.folder, Path(sys.executable).with_name(name))
            shim = f'#!/bin/sh\nexec {" ".join(quote(str(word)) for word in words)} "$@"\n'
            (self.folder / name).write_text(shim)
            (self.folder / name).chmod(0o755)
        early = {name: value for name, value in os.environ.items() if not f"{name}=".startswith(LATE)}
        (self.folder / "early.json").write_text(json.dumps([LATE, early]))
        env = early | {"PATH": os.environ["PATH"], "MLFLOW_DISABLE_TELEMETRY": "true"}
        with socket.socket(socket.AF_UNIX) as listener:  # whoever comes before the server is ready waits for it
            listener.bind(str(self.folder / "socket"))
            listener.listen(64)
            number = listener.fileno()
            command = [sys.executable, HERE / "warm_server.py", str(number), self.folder, str(keeper)]
            self._process = subprocess.Popen(command, env=env, pass_fds=[number])  # kept, or Python would warn
