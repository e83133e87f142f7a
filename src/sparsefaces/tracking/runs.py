"""Runs in MLflow: one per training and one per comparison.

Everything is delivered in the background: a store that is lost on the way costs no result and no time, and
`make track` delivers later what it did not take.
"""

import io
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.entities import Metric, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE
from numpy.typing import NDArray
from PIL import Image

from sparsefaces.base.errors import UserError
from sparsefaces.tracking import models
from sparsefaces.tracking.address import brief, notify, shown_uri
from sparsefaces.tracking.delivery import Delivery, Value
from sparsefaces.tracking.description import Description
from sparsefaces.tracking.machine_metrics import MachineMetrics
from sparsefaces.tracking.opening import open_run
from sparsefaces.tracking.store import Store, is_hopeless
from sparsefaces.training.outputs import Row

SECONDS_TO_OPEN = 60.0  # unless params.yaml says otherwise
SECONDS_TO_SAY_SO = 10.0  # a new SQLite store takes some on a busy machine
# That a store which does not fail may take for one batch or job at the end, of a result and of none.
SECONDS_TO_FINISH, SECONDS_TO_BREAK_OFF = 60.0, 10.0


class TrackedRun:
    """One run: what it is given waits in memory until the store has it."""

    def __init__(self, description: Description, on_failure: str) -> None:
        """Start opening the run; if `on_failure` is `continue`, nobody waits for a store that fails."""
        self._description = description
        self._known: set[tuple[str, int]] = set()
        self._machine, self._samples = MachineMetrics(), 0
        self._last_row: tuple[int, float] | None = None
        self._resumed = self._warned = False
        self._model: Callable[[], None] | None = None
        gives_up = is_hopeless if on_failure == "stop" else lambda error: True
        self._on_failure = on_failure
        self._delivery = Delivery(self._open, self._send, self._warn, is_hopeless=gives_up, tick=self._sample)
        if description.diff:
            self.log_file("uncommitted.diff", lambda path: path.write_text(description.diff, encoding="utf-8"))

    def open(self, seconds: float) -> None:
        """Wait until the store has taken the run, or has failed for so long, or in a way that waiting does not mend.

        Raises:
            UserError: It has failed, and `on_failure` is `stop`.
        """
        quiet = min(SECONDS_TO_SAY_SO, seconds)
        if self._delivery.wait_until_opened(quiet):
            return
        if self._on_failure == "stop" and not self._delivery.settled.is_set():
            notify(f"waiting up to {seconds:g} s for MLflow's store {shown_uri()} ({self._reason()})")
            if self._delivery.wait_until_opened(seconds - quiet):
                return
        if self._on_failure == "stop":
            self._delivery.abandon()
            raise UserError(
                f"MLflow's store {shown_uri()} cannot be used ({self._reason()}). Start or repair it, or unset "
                "MLFLOW_TRACKING_URI to use the project's own, or set tracking.on_failure: continue, which goes on "
                "without (`make track` delivers later)"
            )
        self._warn(self._reason())

    def on_step(self, step: int, row: Row | None, engine: object = None) -> None:
        """Log a row of a training's history; with the engine, while it runs, also the speed since the last one."""
        if row is None:
            return
        values = dict(row)
        if engine is not None:
            now = time.perf_counter()
            if self._last_row is not None:
                values["steps_per_second"] = (step - self._last_row[0]) / (now - self._last_row[1])
            self._last_row = step, now
        self.log_values("batch", values, step)

    def is_open(self) -> bool:
        """Tell whether the store has taken the run."""
        return self._delivery.opened.is_set()

    def resume(self, history: Iterable[Row]) -> None:
        """Log the rows of a training that continues; those that the interrupted process delivered stay as they are."""
        for row in history:
            self.on_step(int(row["step"]), row)

    def log_values(self, group: str, values: Mapping[str, float | None], step: int = 0) -> None:
        """Log numbers, shown as group/name. Those that are None or not finite are left out.

        MLflow would store inf as 1.8e308, which ruins every chart it is in.
        """
        now = int(time.time() * 1000)
        self._delivery.put(
            Value(f"{group}/{name}", float(value), now, step)
            for name, value in values.items()
            if name != "step" and value is not None and math.isfinite(value)
        )

    def log_picture(self, name: str, step: int, render: Callable[[], bytes]) -> None:
        """Log a picture of a step, a PNG that is rendered in the background."""
        tried: list[bool] = []

        def log() -> None:
            # A picture has no identity of its own: after a failure nobody knows whether it arrived.
            if (tried or self._resumed) and (name, step) in self._store.logged_pictures(self._run_id):
                return
            tried.append(True)
            with Image.open(io.BytesIO(render())) as image:
                self._store.client.log_image(self._run_id, image, key=name, step=step, synchronous=True)

        self._delivery.do_if_up(log)

    def log_file(self, name: str, write: Callable[[Path], object]) -> None:
        """Log an artifact, folder/name or name, that a function writes in the background."""

        def log() -> None:
            with TemporaryDirectory() as scratch:
                path = Path(scratch) / name
                path.parent.mkdir(exist_ok=True)
                write(path)
                self._store.client.log_artifacts(self._run_id, scratch)

        self._delivery.do_if_up(log)

    def log_results(self, files: Sequence[Path], tags: Mapping[str, str], note: str, figure: str) -> None:
        """Log what a stage ends with: files to keep as artifacts, tags known only now, and its page's text.

        Args:
            files: The files.
            tags: The tags.
            note: Markdown, which follows the run's own.
            figure: The artifact that is shown below it.
        """

        def log() -> None:
            if _are_gone(files):
                return
            for file in files:
                self._store.client.log_artifact(self._run_id, str(file))
            shown = f"![{figure}](get-artifact?path={figure}&run_uuid={self._run_id})"  # relative to the UI's address
            text = {MLFLOW_RUN_NOTE: "\n\n".join((self._description.note, note, shown))}
            last = [RunTag(name, value) for name, value in {**tags, **text}.items()]
            self._store.client.log_batch(self._run_id, tags=last)

        self._delivery.do(log)

    def log_model(self, alias: str, files: Mapping[str, Path], example: NDArray[Any]) -> None:
        """Register the model, once the run has finished, under an alias."""

        def register() -> None:
            if not _are_gone(files.values()):
                models.register(self._store.client, self._run_id, alias, files, example)

        self._model = register

    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED, and wait for a limited time until the store has everything."""
        if self._delivery.abandoned:
            return
        now = int(time.time() * 1000)
        self._delivery.do(lambda: self._store.client.set_terminated(self._run_id, status, now))
        if status == "FINISHED" and self._model is not None:
            self._delivery.do(self._model)
        if not self._delivery.finish(SECONDS_TO_FINISH if status == "FINISHED" else SECONDS_TO_BREAK_OFF):
            reason = self._reason()
            self._warn(reason)
            notify(f"MLflow lacks some of {self._description.stage} ({reason}): `make track` delivers it")
        elif self._warned:
            notify(f"MLflow's store is back and has all of {self._description.stage}")

    def _reason(self) -> str:
        return brief(self._delivery.error) if self._delivery.error else "no answer"

    def _open(self) -> None:
        self._store = Store()
        run, self._resumed = open_run(self._store, self._description)
        self._run_id = run.info.run_id
        self._known = self._store.logged_steps(run)
        self._samples = max((step + 1 for name, step in self._known if name.startswith("system/")), default=0)

    def _send(self, values: Sequence[Value]) -> None:
        # A repeated batch needs no care: MLflow knows a value by its run, name, step, time and number.
        fresh = [Metric(*value) for value in values if (value.name, value.step) not in self._known]
        self._store.client.log_batch(self._run_id, metrics=fresh)

    def _sample(self) -> None:
        """Measure what the machine does, now and then, while a training runs."""
        if self._last_row is not None and (values := self._machine.measure()):
            self.log_values("system", values, self._samples)
            self._samples += 1

    def _warn(self, error: Exception | str) -> None:
        """Say once that the store fails."""
        if not self._warned:
            self._warned = True
            reason = brief(error) if isinstance(error, Exception) else error
            notify(
                f"warning: MLflow's store {shown_uri()} fails ({reason}). {self._description.stage} goes on; what it "
                "logs is delivered when the store is back, or later by `make track`",
            )


@contextmanager
def track(
    description: Description, on_failure: str = "stop", seconds_to_open: float = SECONDS_TO_OPEN
) -> Iterator[TrackedRun]:
    """Open a run that ends FINISHED, or KILLED by an interruption, or FAILED by any other error.

    Args:
        description: What the run is created with.
        on_failure: `stop` or `continue`, if the store cannot be used.
        seconds_to_open: How long a store may fail before it counts as one that cannot be used.

    Raises:
        UserError: The store cannot be used, and `on_failure` is not `continue`.
    """
    run = TrackedRun(description, on_failure)
    try:
        run.open(seconds_to_open)
        yield run
        run.end("FINISHED")
    except (KeyboardInterrupt, SystemExit):
        run.end("KILLED")
        raise
    except BaseException:
        run.end("FAILED")
        raise


@contextmanager
def optional(what: str) -> Iterator[None]:
    """Let nothing that goes wrong with the store in this block cost a result."""
    try:
        yield
    except Exception as error:  # any kind, as in a delivery
        notify(f"warning: {what} is not in MLflow ({brief(error)}): `make track` delivers it")


def _are_gone(files: Iterable[Path]) -> bool:
    """Tell whether DVC has taken results away: it starts the stage anew, which then goes on with this run."""
    return not all(file.is_file() for file in files)
