"""MLflow's store: the project's experiment in it, and what it fails with."""

import errno
import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# With the defaults, a call to a server that is down blocks for minutes; whoever delivers a record tries again instead.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "6")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

import sqlalchemy
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from sparsefaces.base.cache import project_root
from sparsefaces.base.errors import UserError
from sparsefaces.base.locks import locked
from sparsefaces.tracking.address import brief, is_own, notify, sqlite_path, tracking_uri
from sparsefaces.tracking.store_file import create, relocate

EXPERIMENT = MODEL = "sparsefaces"  # the registered models' name too
RECORD = "record"  # the tag that names a run's record
BROKEN_SQLITE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
HOPELESS_SQLITE = (*BROKEN_SQLITE, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
HOPELESS_WORDS = ("CERTIFICATE_VERIFY_FAILED", "Could not find")  # as requests says of a certificate's file
TRY_AGAIN = (401, 408, 409, 423, 425, 429)  # of the answers from 400 to 499: all others are refusals
BUGS = (TypeError, AttributeError, NameError, AssertionError)
MOST_RUNS = 50_000  # that one search may return
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class StoreError(Exception):
    """MLflow's store did not do what it was asked to; the text says in one line, without secrets, why.

    Attributes:
        refused: Whether it answered that it never will, so that only a person can mend it.
        hopeless: Whether the store cannot be opened at all until a person mends it.
        broken: Whether it is a file of SQLite's that is damaged.
    """

    def __init__(self, error: Exception, refused: bool = False) -> None:
        super().__init__(brief(error))
        self.refused = refused or _is_refusal(error)
        codes = {getattr(cause, "sqlite_errorcode", 0) & 0xFF for cause in _causes(error)}
        self.broken = not codes.isdisjoint(BROKEN_SQLITE)
        self.hopeless = self.refused or not codes.isdisjoint(HOPELESS_SQLITE) or _is_hopeless(error)


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
        uri = tracking_uri()
        for name in ("alembic", "mlflow"):  # what matters is said by this package, once
            logging.getLogger(name).setLevel(logging.CRITICAL)
        path = sqlite_path(uri)
        self.uri = uri
        beside = path.parent if path and path.parent.is_dir() else project_root()
        self.lock = partial(locked, beside / ".mlflow.lock")
        with self.lock():
            if path is not None:
                _prepare(path)
            if not uri.startswith("http"):
                call(_probe, uri)
            self.client = Client(uri)
            self.experiment = self._find_experiment() or self._create_experiment()

    def find(self, tags: Mapping[str, str], status: str | None = "FINISHED") -> list[Run]:
        """Find the runs of a status, or of any, that bear all of the tags, the newest first."""
        conditions = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        conditions += [f"attributes.status = '{status}'"] if status else []
        order = ["attributes.start_time DESC"]
        return list(self.client.search_runs([self.experiment], " and ".join(conditions), order_by=order))

    def find_trainings(self) -> list[Run]:
        """Find the finished trainings, the newest first."""
        condition = "attributes.status = 'FINISHED' and tags.stage LIKE 'train_%'"
        return list(self.client.search_runs([self.experiment], condition, max_results=MOST_RUNS))

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
            raise StoreError(ValueError(reason), refused=True)

    def _find_experiment(self) -> str | None:
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None and experiment.lifecycle_stage == "deleted":
            raise UserError(
                f"the experiment {EXPERIMENT} was deleted: bring it back with `mlflow experiments restore "
                f"--experiment-id {experiment.experiment_id}`, MLFLOW_TRACKING_URI naming the store"
            )
        return None if experiment is None else str(experiment.experiment_id)

    def _create_experiment(self) -> str:
        local = None if self.uri.startswith("http") else (project_root() / "mlartifacts").as_uri()
        try:
            return str(self.client.create_experiment(EXPERIMENT, artifact_location=local))
        except StoreError:  # from another machine, at the same moment
            found = self._find_experiment()
            if found is None:
                raise
            return found


def _prepare(path: Path) -> None:
    """Make a store's file if it is missing, and let the project's own one know that its folder was moved.

    Raises:
        StoreError: It cannot be made or read.
        UserError: A link to nowhere, or something that is no store, stands in its place.
    """
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path} is a link to {path.readlink()}, which is not there: mend or remove it")
    call(create, path)
    if not is_own(path):
        return
    try:
        said = call(relocate, path, EXPERIMENT, project_root() / "mlartifacts")
    except StoreError as error:
        if not error.broken:
            raise
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


def _is_hopeless(error: Exception) -> bool:
    """Tell whether a store fails in a way that waiting does not mend: an address, a password, a driver, a file."""
    if isinstance(error, ImportError | sqlalchemy.exc.ArgumentError):
        return True
    return any(words in str(error) for words in HOPELESS_WORDS) or _http_status(error) == 401


def _is_refusal(error: Exception) -> bool:
    """Tell whether a server has answered that it does not take something, or a disk that nobody may write on it."""
    if any(getattr(cause, "errno", None) in (errno.EACCES, errno.EPERM, errno.EROFS) for cause in _causes(error)):
        return True
    status = _http_status(error)
    return status is not None and 400 <= status < 500 and status not in TRY_AGAIN


def _http_status(error: Exception) -> int | None:
    """Find the status of the answer that an error is about."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if isinstance(response, Mapping):  # as botocore has it, for files on S3
            return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        if response is not None:
            return int(response.status_code)
        # What does not come from MLflow's server, but from a proxy before it, has no code of MLflow's.
        if isinstance(cause, MlflowException):
            named = re.search(r"failed with error code (\d{3})", str(cause))
            return int(named[1]) if named else cause.get_http_status_code()
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
