"""Bring MLflow up to date with a record: this is the only place that writes runs."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_RUN_NOTE, MLFLOW_SOURCE_NAME, MLFLOW_SOURCE_TYPE

from sparsefaces.base.arrays import parts
from sparsefaces.tracking.models import register
from sparsefaces.tracking.record import OVER, Record
from sparsefaces.tracking.store import RECORD, Store, StoreError

DIGEST_LENGTH = 36  # all that MLflow takes
BATCH = 1000  # the most values that MLflow takes at once
SIDE_BY_SIDE = 8  # files that are sent at once
RUN_COLOR, LOGGED_IMAGES = "mlflow.runColor", "mlflow.loggedImages"  # the UI's tags, without a name in MLflow's Python


def sync(record: Record, store: Store) -> None:
    """Bring MLflow up to date with a record.

    It can be called again after any failure: what MLflow has is not sent again, or is the same once more. What the
    store refuses for good is left out and noted, by name, in `record.sent["left_out"]`.

    Raises:
        StoreError: The store fails.
    """
    status = record.run["status"]
    if record.opened_in is not store:
        if status in OVER and not record.has_values() and not store.find({RECORD: record.id}, None):
            record.delete()  # it was given up before MLflow had a run of it
            return
        _open_run(record, store)
    run_id = record.sent["run_id"]
    _unless_refused(record, "values", lambda: _send_values(record, store, run_id))
    _send_files(record, store, run_id)
    if status not in OVER:
        return
    if record.sent["status"] != status:
        _unless_refused(record, "tags and note", lambda: store.client.log_batch(run_id, tags=_last_tags(record)))
        store.client.set_terminated(run_id, status, record.run["end_time"])
        record.note(status=status)
    if status == "FINISHED" and "alias" in record.run:
        _unless_refused(record, "registered model", lambda: _register(record, store))
    record.note(done=True)
    if status == "FINISHED" and not record.sent["left_out"]:
        record.keep_only_words()


def _unless_refused(record: Record, name: str, send: Callable[[], None]) -> None:
    """Send a part of the run, unless the store has refused or refuses it, which is noted."""
    if name in record.sent["left_out"]:
        return
    try:
        send()
    except StoreError as error:
        if not error.refused:
            raise
        record.note(left_out=record.sent["left_out"] | {name: str(error)})


def _open_run(record: Record, store: Store) -> None:
    """Make the record's run, or find the one that an earlier process made, which bears the record's id."""
    client, run = store.client, record.run
    found = next(iter(store.find({RECORD: record.id}, None)), None)
    if found is None:
        found = client.create_run(store.experiment, run["start_time"], _first_tags(record), run["name"])
    if found.info.run_id != record.sent["run_id"]:
        record.forget_what_was_sent()
    record.note(run_id=found.info.run_id, files_at=found.info.artifact_uri)
    if run["status"] not in OVER and found.info.status != "RUNNING":
        client.update_run(found.info.run_id, "RUNNING")
        record.note(status=None)
    params = [Param(name, str(value)) for name, value in run["params"].items()]
    tags = [RunTag(name, str(value)) for name, value in run["tags"].items()]
    _unless_refused(record, "parameters", lambda: client.log_batch(record.sent["run_id"], params=params, tags=tags))
    with store.lock():  # two that log the same input at once would both make it
        _unless_refused(record, "inputs", lambda: client.log_inputs(record.sent["run_id"], _inputs(record)))
    record.opened_in = store


def _first_tags(record: Record) -> dict[str, str]:
    run = record.run
    tags = {
        **run["tags"],
        RECORD: record.id,
        MLFLOW_RUN_NOTE: run["note"],
        MLFLOW_SOURCE_NAME: f"dvc repro {run['stage']}",
        MLFLOW_SOURCE_TYPE: "LOCAL",
        RUN_COLOR: run["color"],
    }
    return tags | ({MLFLOW_GIT_COMMIT: run["tags"]["git.commit"]} if "git.commit" in run["tags"] else {})


def _last_tags(record: Record) -> list[RunTag]:
    """Name what is known at the end alone: hashes of the results, and the whole text of the run's page."""
    run, figure = record.run, record.run.get("figure")
    note = [run["note"], run.get("last_note")]
    if figure:
        # The address is relative to the UI's.
        note.append(f"![{figure}](get-artifact?path={figure}&run_uuid={record.sent['run_id']})")
    tags = run["tags"] | {MLFLOW_RUN_NOTE: "\n\n".join(filter(None, note))}
    return [RunTag(name, str(value)) for name, value in tags.items()]


def _inputs(record: Record) -> list[DatasetInput]:
    """Name what a stage reads as MLflow's inputs: the digest is the start of the SHA-256, whole in the tags."""
    context = [InputTag("mlflow.data.context", record.run["stage"])]
    return [
        DatasetInput(Dataset(name, digest[:DIGEST_LENGTH], "local", f"sha256:{digest}"), context)
        for name, digest in record.run["inputs"].items()
    ]


def _send_values(record: Record, store: Store, run_id: str) -> None:
    # A batch that is sent twice needs no care: MLflow knows a value by its run, name, step, time and number.
    values, end = record.values(record.sent["bytes"])
    for part in parts(len(values), BATCH):
        store.client.log_batch(run_id, metrics=[Metric(*value) for value in values[part]])
    if values:
        record.note(bytes=end)


def _send_files(record: Record, store: Store, run_id: str) -> None:
    """Send the artifacts that MLflow lacks, all at once, or one by one if it refuses some."""
    there = {*record.sent["files"], *record.sent["left_out"]}
    fresh = [name for name in record.files() if name not in there]
    try:
        if fresh:
            _upload(record, store, run_id, fresh)
    except StoreError as error:
        if not error.refused:
            raise
        for name in fresh:
            _unless_refused(record, name, lambda name=name: _upload(record, store, run_id, [name]))  # type: ignore[misc]


def _upload(record: Record, store: Store, run_id: str, names: Sequence[str]) -> None:
    """Send artifacts, several side by side, since each takes a server's answer; a file sent twice is one file."""
    store.check_files_reach_it(record.sent["files_at"])

    def send(name: str) -> None:
        store.client.log_artifact(run_id, record.folder / "files" / name, name.rpartition("/")[0] or None)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(send, names))  # which raises what the first of them has raised
    if any(name.startswith("images/") for name in names):
        store.client.set_tag(run_id, LOGGED_IMAGES, "True")
    record.note(files=[*record.sent["files"], *names])


def _register(record: Record, store: Store) -> None:
    folder = record.folder / "model"
    files = {"weights": folder / "model.safetensors", "scaling": folder / "scaling.npz"}
    register(store, record.sent["run_id"], record.run["alias"], files, np.load(folder / "example.npy"))
