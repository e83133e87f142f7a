"""MLflow's store: the project's experiment, and its runs found by content."""

import logging
import os
import socket
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# With the defaults, a call to a server that is down blocks for minutes; `Delivery` tries again instead.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "6")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

import psutil
import sqlalchemy
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from sparsefaces.base.cache import project_root
from sparsefaces.base.errors import UserError
from sparsefaces.tracking.address import is_own, notify, sqlite_path, tracking_uri
from sparsefaces.tracking.store_file import create, relocate, set_aside_if_broken

EXPERIMENT = MODEL = "sparsefaces"  # the registered models' name too
HOPELESS_CODES = ("INVALID_PARAMETER_VALUE", "UNAUTHENTICATED", "PERMISSION_DENIED")
HOPELESS_SQLITE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_READONLY)
MOST_RUNS = 50_000  # that one search may return
RESULT = "result.md5"  # the tag that names a result as DVC does
PROCESS = "process"  # the tag that says who writes a run: host, process id and when that started


class Store:
    """The project's experiment in a store that answered.

    Attributes:
        client: MLflow's.
        experiment: The experiment's id.
        lock: Held by one process of the project at a time: for what must be looked for before it is made.
    """

    def __init__(self) -> None:
        """Open the store, creating it and the experiment if they are missing.

        Raises:
            Exception: Whatever the store, its driver or its server fails with.
        """
        uri = tracking_uri()
        for name in ("alembic", "mlflow"):  # what matters is said by `tracking`, once
            logging.getLogger(name).setLevel(logging.CRITICAL)
        path = sqlite_path(uri)
        self.lock = FileLock((path.parent if path and path.parent.is_dir() else project_root()) / ".mlflow.lock")
        with self.lock:
            if path is not None:
                _prepare(path)
            if not uri.startswith("http"):
                _probe(uri)
            self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self.experiment = self._find_experiment() or self._create_experiment(uri)

    def _find_experiment(self) -> str | None:
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None and experiment.lifecycle_stage == "deleted":
            raise UserError(
                f"the experiment {EXPERIMENT} was deleted: bring it back with `mlflow experiments restore "
                f"--experiment-id {experiment.experiment_id}`, MLFLOW_TRACKING_URI naming the store"
            )
        return None if experiment is None else str(experiment.experiment_id)

    def _create_experiment(self, uri: str) -> str:
        local = None if uri.startswith("http") else (project_root() / "mlartifacts").as_uri()
        try:
            return str(self.client.create_experiment(EXPERIMENT, artifact_location=local))
        except MlflowException:  # from another machine, at the same moment
            found = self._find_experiment()
            if found is None:
                raise
            return found

    def find(self, tags: Mapping[str, str], status: str = "= 'FINISHED'") -> list[Run]:
        """Find the runs of a status that bear all of the tags, the newest first."""
        conditions = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        condition = " and ".join([f"attributes.status {status}", *conditions])
        return list(self.client.search_runs([self.experiment], condition, order_by=["attributes.start_time DESC"]))

    def find_trainings(self) -> list[Run]:
        """Find the finished trainings, the newest first."""
        condition = "attributes.status = 'FINISHED' and tags.stage LIKE 'train_%'"
        return list(self.client.search_runs([self.experiment], condition, max_results=MOST_RUNS))

    def find_resumable(self, stage: str, key: str, recorded: Collection[str]) -> Run | None:
        """Find the run of this content to go on with, and close those that a killed process left open.

        That is an unfinished one, or a finished one whose result DVC never heard of, since something was killed
        between the run's end and DVC's record. A stage that is made again on purpose gets a run of its own.

        Args:
            stage: The stage.
            key: Its content.
            recorded: The MD5 of the results that DVC has on record.
        """
        found = None
        for run in self.find({"stage": stage}, "!= 'FINISHED'"):
            if run.info.status == "RUNNING" and _is_alive(run.data.tags.get(PROCESS, "")):
                continue
            if found is None and run.data.tags.get("content.key") == key:
                found = run
            elif run.info.status == "RUNNING":
                self.client.set_terminated(run.info.run_id, "KILLED")
        finished = self.find({"stage": stage, "content.key": key}) if found is None else []
        lost = (run for run in finished if run.data.tags.get(RESULT, "") not in recorded and _is_of_here(run))
        return next(lost, found)

    def close_killed(self, stage: str) -> None:
        """Close the runs of a stage that a killed process left open."""
        for run in self.find({"stage": stage}, "= 'RUNNING'"):
            if not _is_alive(run.data.tags.get(PROCESS, "")):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def logged_steps(self, run: Run) -> set[tuple[str, int]]:
        """List the (metric, step) that a run has."""
        histories = (self.client.get_metric_history(run.info.run_id, name) for name in run.data.metrics)
        return {(metric.key, metric.step) for history in histories for metric in history}

    def logged_pictures(self, run_id: str) -> set[tuple[str, int]]:
        """List the (name, step) of the pictures that a run has."""
        names = (Path(file.path).name.split("+") for file in self.client.list_artifacts(run_id, "images"))
        return {(name[0], int(name[2])) for name in names if len(name) > 2 and name[-1] != "compressed.webp"}


def _prepare(path: Path) -> None:
    """Make the project's own store if it is missing or broken; a file elsewhere may be someone else's to mend.

    Raises:
        UserError: A link to nowhere stands in its place.
    """
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path} is a link to {path.readlink()}, which is not there: mend or remove it")
    if is_own(path) and (aside := set_aside_if_broken(path)):
        notify(
            f"warning: MLflow's store {path} was broken and is now {aside.name}; a new one takes its place "
            "(`make track` logs there what lies in stages/)",
        )
    create(path)
    if is_own(path) and relocate(path, EXPERIMENT, project_root() / "mlartifacts"):
        notify(f"the project's folder has moved: its runs' files are now looked for in {project_root()}")


def _probe(uri: str) -> None:
    """Connect to a database once: MLflow tries again and again for minutes before it says what is wrong."""
    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
    with engine.connect():
        pass


def is_hopeless(error: Exception) -> bool:
    """Tell whether a store fails in a way that waiting does not mend: an address, a password, a driver, a file."""
    if isinstance(error, ImportError | UserError | sqlalchemy.exc.ArgumentError) or "CERTIFICATE_VERIFY_FAILED" in str(
        error
    ):
        return True
    if isinstance(error, MlflowException) and error.error_code in HOPELESS_CODES:
        return True
    return any(getattr(cause, "sqlite_errorcode", 0) & 0xFF in HOPELESS_SQLITE for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__


@cache
def this_process() -> str:
    """Name this process so that no other has the name."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def _is_of_here(run: Run) -> bool:
    """Tell whether this machine made a run: elsewhere the same content has other bits."""
    return run.data.tags.get(PROCESS, "").partition(" ")[0] == socket.gethostname()


def _is_alive(process: str) -> bool:
    """Tell whether another process of such a name may be writing its run; of other machines, nobody knows."""
    host, _, rest = process.partition(" ")
    if process in ("", this_process()):
        return False
    if host != socket.gethostname():
        return True
    try:
        number, started = rest.split()
        writer = psutil.Process(int(number))
        # One that was killed stays a zombie for as long as nobody takes note of its end, as in many a container.
        return f"{writer.create_time():.2f}" == started and writer.status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.Error):
        return False
