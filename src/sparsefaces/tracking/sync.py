"""Bring MLflow up to date with records: this is the only place that writes runs."""

from collections.abc import Callable
from contextlib import closing

from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from sparsefaces.base.arrays import parts
from sparsefaces.tracking.address import shown_uri
from sparsefaces.tracking.models import register
from sparsefaces.tracking.record import OVER, Record, nothing_sent, take_records
from sparsefaces.tracking.store import RECORD, Store, leaving_out, side_by_side

DIGEST_LENGTH = 36  # all that MLflow takes
BATCH = 1000  # the most values that MLflow takes at once


def sync(record: Record, store: Store) -> None:
    """Bring MLflow up to date with a record.

    It can be called again after any failure: what MLflow has is not sent again, or is the same once more. What the
    store refuses for good is left out and noted, by name, in `record.sent["left_out"]`.

    Raises:
        StoreError: The store fails.
    """
    status = record.run["status"]
    if not record.opened and not _open_run(record, store):
        record.delete()
        return
    run_id = record.sent["run_id"]
    _unless_refused(record, "values", lambda: _send_values(record, store, run_id))
    _send_files(record, store, run_id)
    if status not in OVER:
        return
    if record.sent["status"] != status:
        _unless_refused(record, "tags and note", lambda: store.client.log_batch(run_id, tags=_tags(record)))
        store.client.set_terminated(run_id, status, record.run["end_time"])
        record.note(status=status)
    if status == "FINISHED" and "alias" in record.run:
        model, alias = record.folder / "model", record.run["alias"]
        _unless_refused(record, "registered model", lambda: register(store, run_id, alias, model))
    record.note(done=True)
    if status == "FINISHED" and not record.sent["left_out"]:
        record.keep_only_words()


def deliver_pending(store: Store, refused: bool = False, but: Record | None = None) -> list[str]:
    """Bring MLflow what the records of processes that have ended hold and it lacks.

    Args:
        store: The store.
        refused: Whether to try again what it has refused.
        but: This process's own record, which is not over, and which it could take once more where there are no locks.

    Returns:
        The stages that lacked something.

    Raises:
        StoreError: The store fails.
    """
    stages = []
    for record in take_records("*"):
        if but is not None and record.id == but.id:
            continue
        with closing(record):
            if record.run["status"] not in OVER:
                taken = [value.timestamp for value in record.values()]
                record.update(status="KILLED", end_time=max(taken, default=record.run["start_time"]))
            if refused and record.sent["left_out"]:
                record.note(left_out={}, status=None, done=False)
            if not record.sent["done"]:
                sync(record, store)
                stages.append(record.run["stage"])
    return stages


def left_out(record: Record) -> str:
    """Say in a line what MLflow has refused of a run, and why; nothing if it has all."""
    parts = [f"{name} ({reason})" for name, reason in record.sent["left_out"].items()]
    said = (
        f"MLflow's store {shown_uri()} refuses some of {record.run['stage']}: {'; '.join(parts)}. It has the rest; "
        "`make track` tries again once that is mended"
    )
    return said if parts else ""


def _unless_refused(record: Record, name: str, send: Callable[[], object]) -> None:
    """Send a part of the run, unless the store has refused or refuses it."""
    if name not in record.sent["left_out"]:
        with leaving_out(record.sent["left_out"], name):
            send()


def _open_run(record: Record, store: Store) -> bool:
    """Make the record's run, or find the one that an earlier process made, which bears the record's id.

    Returns:
        Whether there is one: none is made of what was given up before anything was done.
    """
    client, run = store.client, record.run
    found = next(iter(store.find({RECORD: record.id}, None)), None)
    if found is None:
        if run["status"] in OVER and not record.values():
            return False
        tags = {tag.key: tag.value for tag in _tags(record)}
        found = client.create_run(store.experiment, run["start_time"], tags)
    run_id = found.info.run_id
    if run_id != record.sent["run_id"]:  # what is sent twice is there once
        record.note(**nothing_sent())
    record.note(run_id=run_id, files_at=found.info.artifact_uri)
    if run["status"] not in OVER and found.info.status != "RUNNING":
        client.update_run(run_id, "RUNNING")
        record.note(status=None)
    params = [Param(name, str(value)) for name, value in run["params"].items()]
    _unless_refused(record, "parameters", lambda: client.log_batch(run_id, params=params, tags=_tags(record)))
    with store.lock():  # two that log the same input at once would both make it
        _unless_refused(record, "inputs", lambda: client.log_inputs(run_id, _inputs(record)))
    record.opened = True
    return True


def _tags(record: Record) -> list[RunTag]:
    """List the run's tags; from its end on, the text of its page has the results, too."""
    run = record.run
    note = run["tags"].get(MLFLOW_RUN_NOTE, "") + run.get("last_note", "")
    if figure := run.get("figure"):
        # The address is relative to the UI's.
        note += f"\n\n![{figure}](get-artifact?path={figure}&run_uuid={record.sent['run_id']})"
    return [RunTag(name, value) for name, value in {**run["tags"], RECORD: record.id, MLFLOW_RUN_NOTE: note}.items()]


def _inputs(record: Record) -> list[DatasetInput]:
    """Name what a stage reads as MLflow's inputs: the digest is the start of the SHA-256, whole in the tags."""
    context = [InputTag("mlflow.data.context", record.run["stage"])]
    return [
        DatasetInput(Dataset(name, digest[:DIGEST_LENGTH], "local", f"sha256:{digest}"), context)
        for name, digest in record.run["inputs"].items()
    ]


def _send_values(record: Record, store: Store, run_id: str) -> None:
    # A batch that is sent twice needs no care: MLflow knows a value by its run, name, step, time and number.
    values = record.values()
    fresh = values[record.sent["values"] :]
    for part in parts(len(fresh), BATCH):
        store.client.log_batch(run_id, metrics=fresh[part])
    if fresh:
        record.note(values=len(values))


def _send_files(record: Record, store: Store, run_id: str) -> None:
    """Send the artifacts that MLflow lacks."""
    sent, left_out = record.sent["files"], record.sent["left_out"]
    fresh = [name for name in record.files() if name not in {*sent, *left_out}]
    if not fresh:
        return

    def send(name: str) -> None:
        with leaving_out(left_out, name):
            store.check_files_reach_it(record.sent["files_at"])
            store.client.log_artifact(run_id, record.folder / "files" / name, name.rpartition("/")[0] or None)

    side_by_side(send, fresh)
    record.note(files=sent + [name for name in fresh if name not in left_out])
