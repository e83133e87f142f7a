"""MLflow's store: the project's experiment in it, and what it fails with."""

import errno
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from sparsefaces.base.cache import project_root
from sparsefaces.base.errors import UserError
from sparsefaces.base.locks import locked
from sparsefaces.tracking.address import brief, notify, sqlite_path, tracking_uri
from sparsefaces.tracking.store_file import create, relocate

EXPERIMENT = MODEL = "sparsefaces"  # the registered models' name too
RECORD = "record"  # the tag that names a run's record
HOPELESS_WORDS = ("CERTIFICATE_VERIFY_FAILED", "Could not find")  # as requests says of a certificate's file
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
TRY_AGAIN = (401, 408, 409, 423, 425, 429)  # of the answers from 400 to 499: all others are refusals
BUGS = (TypeError, AttributeError, NameError, AssertionError)
SIDE_BY_SIDE = 8  # files that are sent at once
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class StoreError(Exception):
    """MLflow's store did not do what it was asked to; the text says in one line, without secrets, why.

    Attributes:
        refused: Whether a server has answered that it never will, or this is a disk that nobody may write on.
        hopeless: Whether waiting does not mend it, but a person: an address, a password, a driver, a file.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(brief(error))
        causes = list(_causes(error))
        status = next(filter(None, map(_http_status, causes)), 500)
        self.refused = (400 <= status < 500 and status not in TRY_AGAIN) or any(
            getattr(cause, "errno", None) in NOT_ALLOWED for cause in causes
        )
        self.hopeless = (
            self.refused
            or status == 401
            or any(isinstance(cause, ImportError | sqlalchemy.exc.ArgumentError) for cause in causes)
            or any(isinstance(cause, sqlite3.Error) and "locked" not in str(cause) for cause in causes)
            or any(words in str(error) for words in HOPELESS_WORDS)
        )


@contextmanager
def leaving_out(refused: dict[str, str], name: str) -> Iterator[None]:
    """Note under a name why the store refuses for good what the block sends.

    Raises:
        StoreError: The store fails otherwise.
    """
    try:
        yield
    except StoreError as error:
        if not error.refused:
            raise
        refused[name] = str(error)


class Client:
    """MLflow's client, all of whose methods fail with a StoreError, unless the caller has a bug."""

    def __init__(self, uri: str) -> None:
        """Connect.

        Raises:
            StoreError: The store cannot be used.
        """
        self._client = call(MlflowClient, tracking_uri=uri, registry_uri=uri)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(call, getattr(self._client, name))


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any function of MLflow's
    """Call a function of MLflow's or of a database's.

    Raises:
        StoreError: It has failed, in whatever way: drivers and servers each have their own.
    """
    try:
        return function(*arguments, **named)
    except BUGS:
        raise
    except Exception as error:
        raise StoreError(error) from error


def side_by_side(send: Callable[[Any], object], files: Sequence[Any]) -> None:
    """Send files, several at once, since each takes a server's answer; raise what the first that fails has raised."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(send, files))


class Store:
    """The project's experiment in a store that answered.

    Attributes:
        client: MLflow's.
        experiment: The experiment's id.
        lock: Makes a block that one process of the project is in at a time: for what is looked for before it is made.
    """

    def __init__(self) -> None:
        """Open the store, creating it and the experiment if they are missing.

        Raises:
            StoreError: It cannot be used.
            UserError: The project's own store is broken, or the experiment was deleted.
        """
        for name in ("alembic", "mlflow"):  # what matters is said by this package, once
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.uri = tracking_uri()
        self.lock = partial(locked, project_root() / ".mlflow.lock")
        with self.lock():
            if path := sqlite_path(self.uri):
                _prepare(path)
            if not self.uri.startswith("http"):
                call(_probe, self.uri)
            self.client = Client(self.uri)
            self.experiment = self._open_experiment()

    def find(self, tags: Mapping[str, str], status: str | None = "FINISHED") -> list[Run]:
        """Find the runs of a status, or of any, that bear all of the tags, the newest first."""
        conditions = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        conditions += [f"attributes.status = '{status}'"] if status else []
        order = ["attributes.start_time DESC"]
        return list(self.client.search_runs([self.experiment], " and ".join(conditions), order_by=order))

    def check_files_reach_it(self, artifact_uri: str) -> None:
        """Make sure that artifacts sent to a place would come to the server, not onto this machine's disk.

        Raises:
            StoreError: The place is on the server's own disk, which it does not give access to.
        """
        if (
            self.uri.startswith("http")
            and urlsplit(artifact_uri).scheme in ("", "file")
            and urlsplit(self.uri).hostname not in THIS_MACHINE
        ):
            reason = f"its files would lie at {artifact_uri} on the server's own disk: start it with --serve-artifacts"
            raise StoreError(MlflowException(reason, PERMISSION_DENIED))

    def _open_experiment(self) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            local = None if self.uri.startswith("http") else (project_root() / "mlartifacts").as_uri()
            try:
                return str(self.client.create_experiment(EXPERIMENT, artifact_location=local))
            except StoreError:  # from another machine, at the same moment
                found = self.client.get_experiment_by_name(EXPERIMENT)
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            raise UserError(
                f"the experiment {EXPERIMENT} was deleted: bring it back with `mlflow experiments restore "
                f"--experiment-id {found.experiment_id}`, MLFLOW_TRACKING_URI naming the store"
            )
        return str(found.experiment_id)


def _prepare(path: Path) -> None:
    """Make a store's file if it is missing, and let the project's own one know that its folder was moved.

    Raises:
        StoreError: It cannot be made or read.
        UserError: A link to nowhere, or something that is no store, stands in its place.
    """
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path} is a link to {path.readlink()}, which is not there: mend or remove it")
    call(create, path)
    if path != project_root() / "mlflow.db":
        return
    try:
        said = relocate(path, EXPERIMENT, project_root() / "mlartifacts")
    except sqlite3.OperationalError as error:  # it is locked, or no store of MLflow's
        raise StoreError(error) from error
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{error}: {path} is broken: move it away (mv {path.name} {path.name}.broken); a new one takes its place, "
            "and `make track` logs there what lies in stages/"
        ) from None
    if said:
        notify(said)


def _probe(uri: str) -> None:
    """Connect to a database once: MLflow tries again and again for minutes before it says what is wrong."""
    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
    with engine.connect():
        pass


def _http_status(error: BaseException) -> int | None:
    """Find the status of the answer that an error is about."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # as botocore has it, for files on S3
        return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    if response is not None:
        return int(response.status_code)
    if not isinstance(error, MlflowException):
        return None
    # What does not come from MLflow's server, but from a proxy before it, has no code of MLflow's.
    named = re.search(r"failed with error code (\d{3})", str(error))
    return int(named[1]) if named else error.get_http_status_code()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
