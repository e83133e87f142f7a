"""Runs in MLflow: one per training and one per comparison, found by what decides their result.

MLflow shows; what counts lies on disk: results in stages/, and a training on its way in its checkpoint, with all that
MLflow is still to be sent. So neither a store that fails nor a killed process costs a result or a number.
"""

import io
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE
from PIL import Image

from sparsefaces.base.addresses import without_login
from sparsefaces.base.cache import scratch_path
from sparsefaces.base.errors import UserError
from sparsefaces.base.script import stage_lock
from sparsefaces.tracking.description import Description
from sparsefaces.tracking.store import BUGS, Store, brief, http_status, notify, reaching
from sparsefaces.training.outbox import Outbox
from sparsefaces.training.outputs import Row

BATCH = 1000  # the most values that MLflow takes at once
PAUSE, SECONDS_BETWEEN = 50, 2.0  # before the next call: so many times what this one took, 2 % of the time
SECONDS_TO_WAIT = 60.0  # at a stage's end, for a store that fails
PASSING = (401, 403, 408, 429)  # of the answers from 400 to 499: a login and haste can be mended, the others are final
MISSING = "missing.files"  # the tag that names what a run lacks
MODEL = "the registered model"


class TrackedRun:
    """One run and what MLflow is still to be sent of it.

    Attributes:
        store: MLflow's store; None if the stage goes on without.
        id: MLflow's name for the run.
        note: The text that its page begins with.
        outbox: Numbers, tags and files on their way.
        model: Registers the run's model; None if it has none, or that is done.
    """

    def __init__(self, description: Description, store: Store | None, outbox: Outbox) -> None:
        """Go on with the run of this content, or begin one."""
        self.store, self.outbox, self.id = store, outbox, ""
        self.model: Callable[[Store, str], None] | None = None
        self._client: Any = store and store.client
        self._stage, self.note = description.tags["stage"], description.tags[MLFLOW_RUN_NOTE]
        self._known: set[tuple[str, int]] = set()
        self._pictures: set[str] = set()
        self._next, self._warned, self._closed = 0.0, False, False
        if store:
            with reaching(store.uri):
                self._open(store, description)

    def _open(self, store: Store, description: Description) -> None:
        client, tags = store.client, description.tags | {"clone": store.clone}
        same = f"tags.`content.key` = '{description.fingerprint}'"
        # Another clone may still be at a run that is not finished.
        mine = store.find(same, f"tags.clone = '{store.clone}'")
        if found := next(iter(mine or store.find(same, "attributes.status = 'FINISHED'")), None):
            self.id = found.info.run_id
            client.update_run(self.id, "RUNNING")
            histories = [client.get_metric_history(self.id, name) for name in found.data.metrics]
            self._known = {(value.key, value.step) for history in histories for value in history}
            self._pictures = {file.path.partition("+timestamp")[0] for file in client.list_artifacts(self.id, "images")}
            self.outbox.tags |= tags | dict.fromkeys({MISSING} & found.data.tags.keys(), "")
        else:
            self.id = client.create_run(store.experiment, tags=tags).info.run_id
            client.log_batch(self.id, params=[Param(name, str(value)) for name, value in description.params.items()])
            sha = tags["data.sha256"]
            client.log_inputs(self.id, [DatasetInput(Dataset(tags["data.source"], sha[:36], "local", f"sha256:{sha}"))])
        if description.diff:
            self.outbox.files["uncommitted.diff"] = description.diff
        self._monitor = SystemMetricsMonitor(self.id, resume_logging=bool(found), tracking_uri=store.uri)
        self._monitor.start()

    def on_step(self, step: int, row: Row | None, engine: object = None) -> None:
        """Log a row of a training's history, and bring MLflow what waits, if it is time."""
        if row is not None:
            self.log_values("batch", row, step)
        if time.monotonic() >= self._next:
            self.send()

    def log_values(self, group: str, values: Mapping[str, Any], step: int = 0) -> None:
        """Log numbers, shown as group/name, and groups of them; not inf, of which MLflow would make 1.8e308."""
        for name, value in values.items():
            if isinstance(value, Mapping):
                self.log_values(f"{group}/{name}", value, step)
            elif isinstance(value, Real) and math.isfinite(value) and name != "step":
                self.outbox.values.setdefault((f"{group}/{name}", step), (float(value), int(time.time() * 1000)))

    def send(self, status: str = "") -> bool:
        """Bring MLflow what waits, numbers and tags before files, and then end the run; what fails stays.

        Args:
            status: What the run ends with; nothing if it goes on.

        Returns:
            Whether that was all.
        """
        if not self.store:
            return True
        start, box = time.monotonic(), self.outbox
        new = [Metric(name, *of, step) for (name, step), of in box.values.items() if (name, step) not in self._known]
        batches = [new[at : at + BATCH] for at in range(0, len(new), BATCH)]
        if all(self._deliver("numbers", self._client.log_batch, self.id, batch) for batch in batches):
            self._known |= box.values.keys()
            box.values.clear()
            tags = [RunTag(*tag) for tag in box.tags.items()]
            if self._deliver("tags", self._client.log_batch, self.id, (), (), tags):
                box.tags.clear()
                self._send_files()
                if status:
                    self._deliver("its end", self._close, status)
        now = time.monotonic()
        self._next = now + max(PAUSE * (now - start), SECONDS_BETWEEN)
        return self._closed and not self._missing()

    def end(self, status: str, seconds: float = 0.0) -> None:
        """Bring MLflow the rest and end the run; a store that fails is waited for so many seconds.

        Raises:
            UserError: It was waited for, and MLflow still lacks numbers.
        """
        if self.store:
            self._monitor.finish()
        deadline = time.monotonic() + seconds
        while not (whole := self.send(status)) and time.monotonic() < deadline:
            time.sleep(SECONDS_BETWEEN)
        if whole:
            return
        if self.store and seconds and not self._closed:
            raise UserError(
                f"MLflow's store {without_login(self.store.uri)} does not answer, and lacks numbers of {self._stage}: "
                "`dvc repro` goes on from the last checkpoint once it is back, or tracking.on_failure: continue without"
            )
        lacks = self._missing() if self._closed else "numbers"
        notify(f"MLflow lacks {lacks} of {self._stage}: `make track` sends it again")

    def _missing(self) -> str:
        return ", ".join([*self.outbox.files, *([MODEL] if self.model else [])])

    def _close(self, status: str) -> None:
        if missing := self._missing():
            self._client.set_tag(self.id, MISSING, missing)
        self._client.set_terminated(self.id, status)
        self._closed = True

    def _send_files(self) -> None:
        for name, data in list(self.outbox.files.items()):
            if self._deliver(name, self._send_file, name, data):
                del self.outbox.files[name]
        if self.model and self._deliver(MODEL, self.model, self.store, self.id):
            self.model = None

    def _send_file(self, name: str, data: bytes) -> None:
        if name.startswith("images/"):
            _, key, step = name.removesuffix(".png").split("/")
            if f"images/{key}+step+{step}" not in self._pictures:
                self._client.log_image(self.id, Image.open(io.BytesIO(data)), key=key, step=int(step), synchronous=True)
            return
        with TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            self._client.log_artifacts(self.id, folder)

    def _deliver(self, what: str, send: Callable[..., object], *arguments: object) -> bool:
        """Call what sends, and tell whether that is done: what a server refuses for good is named and left out."""
        try:
            send(*arguments)
        except BUGS:
            raise
        except Exception as error:  # drivers and servers each have their own
            if 400 <= http_status(error) < 500 and http_status(error) not in PASSING:
                notify(f"warning: MLflow refuses {what} of {self._stage}, which is left out ({brief(error)})")
                return True
            if not self._warned:
                notify(f"warning: MLflow's store fails ({brief(error)}): {self._stage} goes on")
            self._warned = True
            return False
        return True


@contextmanager
def track(description: Description, on_failure: str = "stop", outbox: Outbox | None = None) -> Iterator[TrackedRun]:
    """Open a run that ends FINISHED, or KILLED by an interruption, or FAILED by any other error.

    Args:
        description: What it says of itself.
        on_failure: Of the store: `stop`, so that the block's result counts only if MLflow has all of it, or `continue`.
        outbox: What an interrupted process left to send.

    Raises:
        UserError: The store cannot be used, or lacks numbers at the end, and `on_failure` is `stop`.
    """
    stage = description.tags["stage"]
    with stage_lock(scratch_path(f"runs/{stage}-{description.fingerprint}.lock"), stage):  # also in DVC's experiments
        store = None
        with forgiving(on_failure):
            store = Store()
        run = TrackedRun(description, store, outbox or Outbox())
        try:
            yield run
        except BaseException as error:
            run.end("KILLED" if isinstance(error, KeyboardInterrupt | SystemExit) else "FAILED")
            raise
        run.end("FINISHED", SECONDS_TO_WAIT if on_failure == "stop" else 0.0)


@contextmanager
def forgiving(on_failure: str) -> Iterator[None]:
    """Let what a store fails with end the stage, or, with `continue`, only be said."""
    try:
        yield
    except UserError as error:
        if on_failure == "stop":
            raise
        notify(f"warning: {error}")
