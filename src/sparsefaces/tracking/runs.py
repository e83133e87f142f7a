"""Runs in MLflow: one per training and one per comparison, recorded on disk first and then brought to MLflow.

Whatever the store does costs no result: what it did not take stays in the record, and `make track` or the next run
delivers it.
"""

import io
import math
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.entities import Metric
from numpy.typing import NDArray
from PIL import Image

from sparsefaces.base.errors import UserError
from sparsefaces.tracking.address import notify, shown_uri
from sparsefaces.tracking.description import Description
from sparsefaces.tracking.machine_metrics import MachineMetrics
from sparsefaces.tracking.models import save_model
from sparsefaces.tracking.record import Record, now_ms, open_record
from sparsefaces.tracking.store import Store, StoreError
from sparsefaces.tracking.sync import deliver_pending, left_out, sync
from sparsefaces.training.outputs import Row

SECONDS_TO_OPEN = 60.0  # unless params.yaml says otherwise
SECONDS_BETWEEN_SYNCS, SECONDS_BETWEEN_TRIES = 2.0, 1.0
SECONDS_TO_FINISH = 10.0  # that a store may fail at the end of a stage before it is left to `make track`
PAUSE = 50  # times what bringing MLflow up to date took: of a training, it takes 2 % of the time
THUMBNAIL = (256, 256)  # the size that MLflow's pages show


class TrackedRun:
    """One run, whose record is written at once and brought to MLflow now and then."""

    def __init__(self, record: Record, on_failure: str) -> None:
        """Take the record, and whether a store that fails at the start is a reason to `stop` or to `continue`."""
        self._record, self._on_failure = record, on_failure
        self._stage: str = record.run["stage"]
        self._store: Store | None = None
        self._error: StoreError | UserError | None = None
        self._next_sync, self._seconds = math.inf, 0.0
        self._machine = MachineMetrics()
        self._last_row: tuple[int, float] | None = None
        self._given_up = self._warned = False

    def open(self, seconds: float) -> None:
        """Bring the run to MLflow before anything is done; a store may fail for so many seconds.

        Raises:
            UserError: It has failed, and `on_failure` is `stop`.
        """
        may_go_on = self._on_failure == "continue"
        if not self._sync(0 if may_go_on else seconds):
            if not may_go_on:
                self._given_up = True
                self._record.close()
                raise UserError(
                    f"MLflow's store {shown_uri()} cannot be used ({self._error}). Start or repair it, or unset "
                    "MLFLOW_TRACKING_URI to use the project's own, or set tracking.on_failure: continue, which goes "
                    "on without (`make track` delivers later)"
                )
            self._warn()
        self._next_sync = time.monotonic() + SECONDS_BETWEEN_SYNCS

    @property
    def store(self) -> Store | None:
        """The store, if it has taken the run."""
        return None if self._error else self._store

    def on_step(self, step: int, row: Row | None, engine: object = None) -> None:
        """Log a row of a training's history; with the engine, while it runs, also the speed since the last one."""
        if row is not None:
            values, now = dict(row), time.perf_counter()
            if engine is not None:
                if self._last_row is not None:
                    values["steps_per_second"] = (step - self._last_row[0]) / (now - self._last_row[1])
                self._last_row = step, now
            self.log_values("batch", values, step)
        if engine is not None and (sample := self._machine.measure()):
            self.log_values("system", sample, step)
        if time.monotonic() >= self._next_sync:
            self._sync_on_the_way()

    def resume(self, history: Iterable[Row]) -> None:
        """Log the rows of a training that continues; those that an earlier process has recorded stay as they are."""
        for row in history:
            self.on_step(int(row["step"]), row)

    def log_values(self, group: str, values: Mapping[str, Any], step: int = 0) -> None:
        """Log numbers, shown as group/name, and groups of them. Those that are None or not finite are left out.

        MLflow would store inf as 1.8e308, which ruins every chart it is in.
        """
        now = now_ms()
        self._record.add_values(
            Metric(f"{group}/{name}", float(value), now, step)
            for name, value in values.items()
            if isinstance(value, Real) and math.isfinite(value) and name != "step"
        )
        for name, value in values.items():
            if isinstance(value, Mapping):
                self.log_values(f"{group}/{name}", value, step)

    def log_picture(self, name: str, step: int, render: Callable[[], bytes]) -> None:
        """Log a picture of a step, a PNG; nothing is rendered if the run has it already.

        It is a file as MLflow's `log_image` makes it, whose name the UI's slider reads. Made here, its name is known
        before it is sent: sent again after a failure, it is still one picture.
        """
        start = f"images/{name}+step+{step}+"
        if self._record.has_file(start):
            return
        png, thumbnail = render(), io.BytesIO()
        with Image.open(io.BytesIO(png)) as image:
            image.thumbnail(THUMBNAIL)
            image.save(thumbnail, format="webp")
        stem = f"{start}timestamp+{now_ms()}+{uuid.uuid4()}"
        self._record.add_file(f"{stem}+compressed.webp", thumbnail.getvalue())
        self._record.add_file(f"{stem}.png", png)

    def log_file(self, name: str, data: bytes) -> None:
        """Log an artifact, folder/name or name."""
        self._record.add_file(name, data)

    def log_results(self, files: Sequence[Path], result: str, tags: Mapping[str, str], note: str, figure: str) -> None:
        """Log what a stage ends with: files to keep as artifacts, tags known only now, and its page's text.

        Args:
            files: The files.
            result: The MD5 of the one by which DVC knows the result.
            tags: The tags.
            note: Markdown, which follows the run's own.
            figure: The artifact that is shown below it.
        """
        for file in files:
            self._record.add_file(file.name, file.read_bytes())
        about = {"result": result, "last_note": f"\n\n{note}", "figure": figure}
        self._record.update(tags=self._record.run["tags"] | dict(tags), **about)

    def log_model(self, alias: str | None, files: Mapping[str, Path], example: NDArray[np.float32]) -> None:
        """Register the model of these files, once the run has finished, under an alias if it is to have one."""
        save_model(self._record.folder / "model", files, example)
        self._record.update(alias=alias)

    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED, and bring MLflow the rest, if its store works."""
        if self._given_up:
            return
        tags = self._record.run["tags"] | {"seconds_of_tracking": f"{self._seconds:.2f}"}
        self._record.update(status=status, end_time=now_ms(), tags=tags)
        if not self._sync(SECONDS_TO_FINISH if status == "FINISHED" else 0):
            notify(f"MLflow lacks some of {self._stage} ({self._error}): `make track` delivers it")
        elif self._warned:
            notify(f"MLflow's store is back and has all of {self._stage}")
        if refused := left_out(self._record):
            notify(f"warning: {refused}")
        self._record.close()

    def _sync_on_the_way(self) -> None:
        start = time.monotonic()
        if not self._sync():
            self._warn()
        now = time.monotonic()
        self._seconds += now - start
        self._next_sync = now + max(PAUSE * (now - start), SECONDS_BETWEEN_SYNCS)

    def _sync(self, seconds: float = 0.0) -> bool:
        """Bring MLflow up to date; a store may fail for so many seconds. Tell whether it works."""
        give_up_at = time.monotonic() + seconds
        for attempt in count():
            try:
                self._store = self._store or Store()
                sync(self._record, self._store)
                self._error = None
                break
            except (StoreError, UserError) as error:
                self._error = error
            if getattr(self._error, "hopeless", True) or time.monotonic() >= give_up_at:
                break
            if not attempt:
                notify(f"waiting up to {seconds:g} s for MLflow's store {shown_uri()} ({self._error})")
            time.sleep(SECONDS_BETWEEN_TRIES)
        return not self._error

    def _warn(self) -> None:
        """Say once that the store fails."""
        if not self._warned:
            self._warned = True
            notify(
                f"warning: MLflow's store {shown_uri()} fails ({self._error}). {self._stage} goes on; what it logs is "
                "recorded, and delivered when the store is back, or later by `make track`"
            )


@contextmanager
def track(
    description: Description, on_failure: str = "stop", seconds_to_open: float = SECONDS_TO_OPEN
) -> Iterator[TrackedRun]:
    """Open a run that ends FINISHED, or KILLED by an interruption, or FAILED by any other error.

    What earlier processes left in their records is delivered first.

    Args:
        description: What the run is created with.
        on_failure: `stop` or `continue`, if the store cannot be used.
        seconds_to_open: How long a store may fail before it counts as one that cannot be used.

    Raises:
        UserError: The store cannot be used, and `on_failure` is not `continue`.
    """
    record = open_record(description)
    run = TrackedRun(record, on_failure)
    try:
        run.open(seconds_to_open)
        if run.store:
            with optional("what an earlier run left"):
                deliver_pending(run.store, but=record)
        yield run
        run.end("FINISHED")
    except BaseException as error:
        run.end("KILLED" if isinstance(error, KeyboardInterrupt | SystemExit) else "FAILED")
        raise


@contextmanager
def optional(what: str) -> Iterator[None]:
    """Let no failure of the store in this block cost a result."""
    try:
        yield
    except (StoreError, UserError) as error:
        notify(f"warning: {what} is not in MLflow ({error}): `make track` delivers it")
