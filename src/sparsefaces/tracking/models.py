"""The registered models of a store: a training's weights, which MLflow can serve."""

import warnings
from contextlib import suppress
from importlib.metadata import version
from inspect import getsource
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import mlflow
import numpy as np
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec
from numpy.typing import NDArray

from sparsefaces.base.params import MODEL_FIELDS
from sparsefaces.tracking.store import MODEL, Store
from sparsefaces.training import activations

VERSION_TAGS = ("stage", *MODEL_FIELDS, "data.source", "git.commit", "model.sha256")
REQUIREMENTS = ("mlflow", "numpy", "safetensors")  # of the served model


class ServedModel(NamedTuple):
    """What a served model is made of.

    Attributes:
        alias: The name under which it is served from now on; None leaves names to other models.
        weights: A model.safetensors.
        scaling: A scaling.npz.
        example: Faces, (N, height, width), as an example of its input.
    """

    alias: str | None
    weights: Path
    scaling: Path
    example: NDArray[np.float32]


def register(store: Store, run_id: str, model: ServedModel) -> None:
    """Register a run's model, with tags of what it is, unless that is done; then give it its alias, if it has one.

    By MLflow's client, which no current experiment or run of somebody's bends.
    """
    client, run = store.client, store.client.get_run(run_id)
    mlflow.set_tracking_uri(store.uri)  # a new version looks there for the model, whatever its client is for
    registered = next(iter(client.search_model_versions(f"name = '{MODEL}' and run_id = '{run_id}'")), None)
    if registered is None:
        logged = _logged_model(store, run_id, model)
        with suppress(MlflowException):  # there is one already
            client.create_registered_model(MODEL)
        known = {**run.data.tags, **run.data.params}
        tags = {name: known[name] for name in VERSION_TAGS if name in known}
        uri, model_id = logged.model_uri, logged.model_id
        registered = client.create_model_version(MODEL, uri, run_id, tags=tags, model_id=model_id)
    if model.alias is not None:
        client.set_registered_model_alias(MODEL, model.alias, registered.version)


def _logged_model(store: Store, run_id: str, model: ServedModel) -> Any:  # noqa: ANN401 - MLflow's LoggedModel
    """Find the run's model if it is whole, or log it; what a killed process has begun goes."""
    client = store.client
    for found in client.search_logged_models([store.experiment], f"source_run_id = '{run_id}'"):
        if found.status == "READY":
            return found
        client.delete_logged_model(found.model_id)
    logged = client.create_logged_model(store.experiment, "model", run_id)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wishes for type hints beside the signature
        mlflow.pyfunc.save_model(
            Path(folder, "model"),
            python_model=str(_served_model(Path(folder))),
            artifacts={"weights": str(model.weights.resolve()), "scaling": str(model.scaling.resolve())},
            signature=_signature(model.example),
            input_example=model.example,
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
        client.log_model_artifacts(logged.model_id, str(Path(folder, "model")))
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return client.finalize_logged_model(logged.model_id, "READY")


def _served_model(folder: Path) -> Path:
    """Write one file that needs nothing of the project: served_model.py, with activations.py in place of its import."""
    served = Path(__file__).with_name("served_model.py")
    imported = f"from {activations.__name__} import parse_activation\n"
    path = folder / served.name
    path.write_text(served.read_text(encoding="utf-8").replace(imported, getsource(activations)), encoding="utf-8")
    return path


def _signature(example: NDArray[np.float32]) -> ModelSignature:
    """Describe input and output; an array of objects is MLflow's word for arrays of any shape, images and rows."""
    faces = Schema([TensorSpec(np.dtype(object), (-1,))])
    pixels = Schema([TensorSpec(np.dtype(np.float32), (-1, *example.shape[1:]))])
    return ModelSignature(faces, pixels, ParamSchema([ParamSpec("output", "string", "pixels")]))
