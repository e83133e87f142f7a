"""MLflow's UI on the project's store."""

import os
import sys

from sparsefaces.base.addresses import without_login
from sparsefaces.base.cache import project_root
from sparsefaces.tracking.store import Store, tracking_uri

HOST = "127.0.0.1"  # nobody else's machine
TRAININGS = "runs?workflowType=machine_learning&compareRunsMode=CHART&searchFilter=tags.stage%20LIKE%20%27train%25%27"


def serve(port: str) -> None:
    """Become MLflow's server on the project's store; say where the runs are if that is a server already.

    Raises:
        UserError: The store cannot be used.
    """
    uri = tracking_uri()
    if uri.startswith("http"):
        print(f"Your runs are on a server: {without_login(uri)}")
        return
    print(f"The trainings: http://{HOST}:{port}/#/experiments/{Store().experiment}/{TRAININGS}", flush=True)
    # Not an argument: lists of processes show those, and an address may hold a password.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri
    os.environ.setdefault(
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false"
    )  # of GenAI evaluations, which take seconds to start
    artifacts = str(project_root() / "mlartifacts")
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", port, "--workers", "1"]
    os.execv(sys.executable, [*command, "--default-artifact-root", artifacts])  # noqa: S606 - fixed words
