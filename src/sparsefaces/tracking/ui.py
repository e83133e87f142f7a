"""MLflow's UI on the project's store."""

import os
import sys

from sparsefaces.base.addresses import without_login
from sparsefaces.base.cache import project_root
from sparsefaces.tracking.store import Store, tracking_uri

HOST = "127.0.0.1"  # nobody else's machine
CHARTS = "runs?workflowType=machine_learning&compareRunsMode=CHART"


def serve(port: str) -> None:
    """Become MLflow's server on the project's store; say where the runs are if that is a server already.

    Raises:
        UserError: The store cannot be used.
    """
    uri = tracking_uri()
    if uri.startswith("http"):
        print(f"Your runs are on a server: {without_login(uri)}")
        return
    print(f"Your runs: http://{HOST}:{port}/#/experiments/{Store().experiment}/{CHARTS}", flush=True)
    # Not an argument: lists of processes show those, and an address may hold a password.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # of GenAI, which takes seconds to start
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", port, "--workers", "1"]
    os.execv(sys.executable, [*command, "--default-artifact-root", str(project_root() / "mlartifacts")])  # noqa: S606
