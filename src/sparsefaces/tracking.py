"""MLflow: one run a training and one a comparison. No other module knows it.

A store that cannot be reached never costs a result: the stage goes on untracked, says so once, and
`make track` logs it later from its folder.
"""

import io
import logging
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# With the defaults, the first call to a server that is down blocks for minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

import requests
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.utils.mlflow_tags import (
    MLFLOW_GIT_COMMIT,
    MLFLOW_RUN_NOTE,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
)
from PIL import Image

from sparsefaces.errors import UserError
from sparsefaces.facts import Facts
from sparsefaces.files import STAGES
from sparsefaces.results import Row
from sparsefaces.scratch import project_root

if TYPE_CHECKING:
    from sparsefaces.engine import Engine

EXPERIMENT = "sparsefaces"
SECONDS_BETWEEN_FLUSHES = 5.0
PROBE_SECONDS = 3.0
DIGEST_LENGTH = 36  # all that MLflow takes
MOST_RUNS = 50_000  # that one search may return


def tracking_uri() -> str:
    """Name the store: MLFLOW_TRACKING_URI where it is set, else SQLite in the project's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project_root() / 'mlflow.db'}"


class Logged(NamedTuple):
    """A finished run as the store has it: its parameters as text, the last value of each metric, its tags."""

    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


class Store:
    """The project's experiment in a store that answered."""

    def __init__(self) -> None:
        """Open the store, creating it and the experiment where they are missing.

        Raises:
            Exception: Whatever the store, its driver or its server fails with.
        """
        uri = tracking_uri()
        if uri.startswith("http"):
            requests.get(f"{uri.rstrip('/')}/health", timeout=PROBE_SECONDS).raise_for_status()
        logging.getLogger("alembic").setLevel(logging.WARNING)
        # Two processes that create one SQLite store at a time break each other.
        with FileLock(project_root() / ".mlflow.lock"):
            self.client = MlflowClient(tracking_uri=uri)
            experiment = self.client.get_experiment_by_name(EXPERIMENT)
            if experiment is not None:
                self.experiment = str(experiment.experiment_id)
            else:
                local = None if uri.startswith("http") else (project_root() / "mlartifacts").as_uri()
                self.experiment = self.client.create_experiment(EXPERIMENT, artifact_location=local)

    def has_finished(self, tags: Mapping[str, str]) -> bool:
        """Tell whether a finished run bears all of the tags."""
        conditions = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        condition = " and ".join(["attributes.status = 'FINISHED'", *conditions])
        return bool(self.client.search_runs([self.experiment], condition, max_results=1))


class TrackedRun:
    """One run; after its store failed, one that takes everything and logs nothing."""

    def __init__(self, facts: Facts) -> None:
        """Take the facts; `start` creates the run."""
        self._facts = facts
        self._store: Store | None = None
        self._run_id: str | None = None
        self._pending: list[Metric] = []
        self._last_flush = time.monotonic()

    def start(self) -> None:
        """Create the run, with its parameters, tags and data, or say why it is not tracked."""
        facts = self._facts
        tags = facts.tags | {
            MLFLOW_RUN_NOTE: facts.note,
            MLFLOW_SOURCE_NAME: f"dvc repro {facts.stage}",
            MLFLOW_SOURCE_TYPE: "LOCAL",
        }
        if "git.commit" in tags:
            tags[MLFLOW_GIT_COMMIT] = tags["git.commit"]
        with self._guarded():
            self._store = Store()
            run = self._store.client.create_run(self._store.experiment, run_name=facts.stage, tags=tags)
            self._run_id = run.info.run_id
        self._call("log_batch", params=[Param(key, str(value)) for key, value in facts.params.items()])
        digest, place = facts.tags["data.sha256"][:DIGEST_LENGTH], str(STAGES / "standardize" / "X.npy")
        faces = Dataset(facts.tags["data.source"], digest, "local", place)
        self._call("log_inputs", [DatasetInput(faces, [InputTag("mlflow.data.context", facts.stage)])])

    def watch(self, step: int, row: Row | None, engine: "Engine | None" = None) -> None:
        """Log a row of a training's history as metrics over steps, several rows at a time."""
        if row is None:
            return
        values = {f"batch/{name}": value for name, value in row.items() if name != "step"}
        self._pending += _metrics(values, step)
        if time.monotonic() - self._last_flush >= SECONDS_BETWEEN_FLUSHES:
            self._flush()

    def log_results(
        self, metrics: Mapping[str, Mapping[str, Any]], files: Iterable[Path], tags: Mapping[str, str]
    ) -> None:
        """Log what a stage ends with.

        Args:
            metrics: Numbers by group and name, shown as group/name; those that are None are left out.
            files: What to keep as artifacts.
            tags: What is known only at the end, such as the model's hash.
        """
        for group, values in metrics.items():
            self._pending += _metrics({f"{group}/{name}": value for name, value in values.items()}, step=0)
        self._flush()
        for file in files:
            self._call("log_artifact", str(file))
        self._call("log_batch", tags=[RunTag(name, value) for name, value in tags.items()])

    def log_picture(self, name: str, png: bytes) -> None:
        """Log a picture that no stage keeps as a file."""
        with Image.open(io.BytesIO(png)) as image:
            self._call("log_image", image, name)

    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED."""
        self._flush()
        self._call("set_terminated", status)

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        self._last_flush = time.monotonic()
        for start in range(0, len(pending), 1000):  # the most that one batch takes
            self._call("log_batch", metrics=pending[start : start + 1000])

    def _call(self, method: str, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - the client's own
        """Call a method of MLflow's client on the run."""
        if self._store is not None:
            with self._guarded():
                getattr(self._store.client, method)(self._run_id, *arguments, **named)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            # Any kind: drivers and servers fail in their own ways, and none of them may cost a result.
            store, self._store = self._store, None
            print(
                f"warning: {self._facts.stage} is not tracked: MLflow's store {tracking_uri()} failed\n"
                f"({_brief(error)})\n"
                "The results are not touched by this; `make track` logs them when the store is back.",
                flush=True,
            )
            if store is not None and self._run_id is not None:
                with suppress(Exception):  # the store may be up and only this call have failed
                    store.client.set_terminated(self._run_id, "FAILED")


@contextmanager
def track(facts: Facts) -> Iterator[TrackedRun]:
    """Open a run that ends FINISHED, or KILLED by an interruption, or FAILED by any other error."""
    run = TrackedRun(facts)
    try:
        run.start()
        yield run
        run.end("FINISHED")
    except (KeyboardInterrupt, SystemExit):
        run.end("KILLED")
        raise
    except BaseException:
        run.end("FAILED")
        raise


def is_logged(tags: Mapping[str, str]) -> bool | None:
    """Tell whether a finished run bears all of the tags; None where the store cannot be asked."""
    try:
        return Store().has_finished(tags)
    except Exception:  # any kind, as for a run
        return None


def finished_trainings() -> list[Logged]:
    """List the finished trainings, the newest first.

    Raises:
        UserError: The store cannot be used.
    """
    require_store()
    store = Store()
    condition = "attributes.status = 'FINISHED' and tags.stage LIKE 'train_%'"
    runs = store.client.search_runs([store.experiment], condition, max_results=MOST_RUNS)
    return [Logged(run.data.params, run.data.metrics, run.data.tags) for run in runs]


def require_store() -> None:
    """Make sure that the store can be used.

    Raises:
        UserError: It cannot.
    """
    try:
        Store()
    except Exception as error:
        raise UserError(f"MLflow's store {tracking_uri()} failed ({_brief(error)}): start or repair it") from None


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _metrics(values: Mapping[str, float | None], step: int) -> list[Metric]:
    """Make metrics of what is finite: MLflow would store inf as 1.8e308, which ruins every chart it is in."""
    now = int(time.time() * 1000)
    finite = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
    return [Metric(name, float(value), now, step) for name, value in finite.items()]
