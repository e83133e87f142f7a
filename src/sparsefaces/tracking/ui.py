"""MLflow's UI on the project's store."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress

from sparsefaces.base.cache import project_root
from sparsefaces.base.errors import UserError
from sparsefaces.tracking.address import shown_uri, tracking_uri
from sparsefaces.tracking.queries import asking

HOST = "127.0.0.1"  # nobody else's machine
# All that MLflow lets an address set. Without the workflow, it opens on language models.
RUNS = "runs?workflowType=machine_learning"
TRAININGS = f"{RUNS}&compareRunsMode=CHART&searchFilter=tags.stage%20LIKE%20%27train%25%27"


def serve(port: str) -> None:
    """Run MLflow's server on the project's store; say where the runs are if that is a server already.

    Raises:
        UserError: The port is no port or taken, or the store cannot be used.
    """
    uri = tracking_uri()
    if uri.startswith("http"):
        print(f"Your runs are on a server: {shown_uri()}")
        return
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(f"PORT is {port!r}; it must be a number from 1 to 65535")
    if _is_taken(int(port)):
        raise UserError(
            f"port {port} is taken, perhaps by an MLflow of yours; choose another: make ui PORT={int(port) + 1}"
        )
    with asking() as store:
        runs = f"http://{HOST}:{port}/#/experiments/{store.experiment}"
    print(f"MLflow: http://{HOST}:{port} (Ctrl-C ends it)")
    print(f"The trainings: {runs}/{TRAININGS}")
    print(f"All runs: {runs}/{RUNS}", flush=True)
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", port, "--workers", "1"]
    command += ["--default-artifact-root", str(project_root() / "mlartifacts")]
    env = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # of language models' jobs: processes that nothing here uses
    # Not an argument: lists of processes show those, and an address may hold a password.
    env = env | os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    # MLflow starts processes of its own, which a signal to the first would leave alive: all of them form one group.
    with subprocess.Popen(command, env=env, start_new_session=True) as server:  # noqa: S603 - fixed words
        try:
            code = server.wait()
        except KeyboardInterrupt:  # by Ctrl-C or by kill
            code = 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
    if code:
        raise UserError(f"MLflow's server has ended with exit code {code}; what it said stands above")


def _is_taken(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) == 0
