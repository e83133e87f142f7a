"""MLflow's store: where it is, how it is opened, and what is said if it cannot be."""

import logging
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import mlflow
import sqlalchemy
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from pandas import DataFrame

from sparsefaces.base.addresses import quote_login, without_login
from sparsefaces.base.cache import project_root, scratch_path
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import write_bytes
from sparsefaces.base.progress import say
from sparsefaces.tracking.sqlite_file import create, relocate

EXPERIMENT = MODEL = "sparsefaces"  # the registered models' name too
TRAININGS = "attributes.status = 'FINISHED' and tags.stage LIKE 'train_%'"
BUGS = (TypeError, AttributeError, NameError)


class Store:
    """The project's experiment in a store that answered.

    Attributes:
        uri: The store's address.
        client: MLflow's.
        experiment: The experiment's id.
        clone: Names this clone of the project, so that it knows the runs that it has begun.
    """

    def __init__(self) -> None:
        """Open the store; make it and the experiment if they are missing.

        Raises:
            UserError: It cannot be used.
        """
        for name in ("alembic", "mlflow"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said by this package, once
        self.uri = tracking_uri()
        with reaching(self.uri), FileLock(project_root() / ".mlflow.lock"):  # all trainings would make it
            self._connect()
            self.clone = _clone()
            self.client = MlflowClient(self.uri, self.uri)
            found = self.client.get_experiment_by_name(EXPERIMENT)
            local = None if self.uri.startswith("http") else (project_root() / "mlartifacts").as_uri()
            self.experiment = found.experiment_id if found else self.client.create_experiment(EXPERIMENT, local)

    def find(self, *conditions: str) -> list[Run]:
        """Find the runs of which all conditions hold, the newest first."""
        return list(self.client.search_runs([self.experiment], " and ".join(conditions), max_results=50_000))

    def _connect(self) -> None:
        """Make a SQLite file, and one that was moved with the project's folder right; try another database once."""
        if self.uri.startswith("sqlite:///"):
            path = Path(self.uri.removeprefix("sqlite:///"))
            create(path)
            if path == project_root() / "mlflow.db" and (message := relocate(path, EXPERIMENT)):
                notify(message)
        elif not self.uri.startswith("http"):
            # MLflow tries again and again for minutes before it says what is wrong.
            sqlalchemy.create_engine(self.uri, poolclass=sqlalchemy.NullPool).connect().close()


def finished_trainings() -> DataFrame:
    """Read all finished trainings, the newest first, in MLflow's columns.

    Raises:
        UserError: The store cannot be used.
    """
    store = Store()
    mlflow.set_tracking_uri(store.uri)
    return mlflow.search_runs([store.experiment], TRAININGS)


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Let what a store fails with within the block end in one message, but no bug of ours."""
    try:
        yield
    except (UserError, *BUGS):
        raise
    except Exception as error:  # drivers, databases and servers each have their own
        raise UserError(
            f"MLflow's store {without_login(uri)} cannot be used ({brief(error)}). Start it or mend its address, unset "
            "MLFLOW_TRACKING_URI for the project's own, or set tracking.on_failure: continue (`make track` sends later)"
        ) from None


def tracking_uri() -> str:
    """Name the store: MLFLOW_TRACKING_URI, else SQLite in the project's folder, also from DVC's copies of it."""
    uri = quote_login(os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db")
    file = uri.removeprefix("sqlite:///")
    return uri if file == uri else f"sqlite:///{project_root() / file}"  # an absolute file stays


def brief(error: BaseException) -> str:
    """Say in one line, without logins and SQL, what a store failed with."""
    return without_login(" ".join(str(error).split("[SQL: ")[0].split())) or type(error).__name__


def http_status(error: Exception) -> int:
    """Name the status of the answer that an error is about; 500 if there was none."""
    status = getattr(getattr(error, "response", None), "status_code", 500)
    return int(error.get_http_status_code() if isinstance(error, MlflowException) else status)


def notify(text: str) -> None:
    """Tell the user on stderr: what a script prints on stdout may go into a file."""
    say(text, sys.stderr)


def _clone() -> str:
    """Name this clone by a random text in its scratch folder, and by its place, since folders are copied."""
    path = scratch_path("clone")
    if not path.exists():
        write_bytes(path, uuid.uuid4().hex.encode())
    return sha256(f"{path} {path.read_text()}".encode()).hexdigest()[:16]
