"""How a run begins: a new one, or the one that an interrupted process left of the same content."""

from mlflow.entities import Dataset, DatasetInput, InputTag, Param, Run, RunTag
from mlflow.utils.mlflow_tags import (
    MLFLOW_GIT_COMMIT,
    MLFLOW_RUN_NOTE,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
)

from sparsefaces.tracking.description import Description
from sparsefaces.tracking.store import PROCESS, Store, this_process

DIGEST_LENGTH = 36  # all that MLflow takes
RUN_COLOR = "mlflow.runColor"  # the UI's own tag, for which MLflow's Python has no name


def open_run(store: Store, description: Description) -> tuple[Run, bool]:
    """Create the run, or go on with the one that an interrupted process left of the same content.

    Returns:
        The run as it was found or made, and whether it was found.

    Raises:
        Exception: Whatever the store fails with.
    """
    tags, client = description.tags | {PROCESS: this_process()}, store.client
    with store.lock:
        found = store.find_resumable(description.stage, description.tags["content.key"], description.recorded)
        if found is None:
            run = client.create_run(
                store.experiment, run_name=description.run_name, tags=_first_tags(description) | tags
            )
        else:
            run = found
            client.update_run(run.info.run_id, "RUNNING")
            client.log_batch(run.info.run_id, tags=[RunTag(name, value) for name, value in tags.items()])
        # Two that log the same input at once would both make it.
        client.log_inputs(run.info.run_id, _inputs(description))
    client.log_batch(run.info.run_id, params=[Param(key, str(value)) for key, value in description.params.items()])
    return run, found is not None


def _first_tags(description: Description) -> dict[str, str]:
    """Name what a run is created with and keeps."""
    tags = {
        MLFLOW_RUN_NOTE: description.note,
        MLFLOW_SOURCE_NAME: f"dvc repro {description.stage}",
        MLFLOW_SOURCE_TYPE: "LOCAL",
        RUN_COLOR: description.color,
    }
    if "git.commit" in description.tags:
        tags[MLFLOW_GIT_COMMIT] = description.tags["git.commit"]
    return tags


def _inputs(description: Description) -> list[DatasetInput]:
    """Name what a stage reads as MLflow's inputs: the digest is the start of the SHA-256, whole in the tags."""
    return [
        DatasetInput(
            Dataset(name, digest[:DIGEST_LENGTH], "local", f"sha256:{digest}"),
            [InputTag("mlflow.data.context", description.stage)],
        )
        for name, digest in description.inputs.items()
    ]
