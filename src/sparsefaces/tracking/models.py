"""The registered models of a store: a training's weights, which MLflow can serve."""

import shutil
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec
from numpy.typing import NDArray

from sparsefaces.tracking.address import tracking_uri
from sparsefaces.tracking.store import MODEL

REQUIREMENTS = ("mlflow", "numpy", "safetensors")  # of the served model


def is_registered(client: MlflowClient, run_id: str) -> bool:
    """Tell whether a run's model is registered."""
    return bool(client.search_model_versions(f"name = '{MODEL}' and run_id = '{run_id}'"))


def register(
    client: MlflowClient, run_id: str, alias: str, files: Mapping[str, Path], example: NDArray[np.float32]
) -> None:
    """Log a finished run's model and register it under an alias, which then names this newest version."""
    if is_registered(client, run_id):
        return
    model = _logged_model(client, run_id) or _log_model(run_id, files, example)
    if not client.search_registered_models(f"name = '{MODEL}'"):
        description = "Autoencoders of faces: alias `dense` (lambda = 0) and `sparse`, the newest of each."
        try:
            client.create_registered_model(MODEL, description=description)
        except MlflowException:  # from another machine, at the same moment
            client.get_registered_model(MODEL)
    registered = client.create_model_version(MODEL, f"models:/{model}", run_id, model_id=model)
    client.set_registered_model_alias(MODEL, alias, registered.version)


def _logged_model(client: MlflowClient, run_id: str) -> str | None:
    """Find the model that a run has logged whole."""
    outputs = client.get_run(run_id).outputs
    models = [output.model_id for output in outputs.model_outputs] if outputs else []
    return next((model for model in models if client.get_logged_model(model).status == "READY"), None)


def _log_model(run_id: str, files: Mapping[str, Path], example: NDArray[np.float32]) -> str:
    """Log an MLflow model that runs `served_model.py` on these files; return its id."""
    mlflow.set_tracking_uri(tracking_uri())
    with warnings.catch_warnings(), TemporaryDirectory() as folder:
        # Copies: DVC may have left links to its cache (cache.type), which MLflow does not follow.
        artifacts = {name: shutil.copy(path, folder) for name, path in files.items()}
        warnings.simplefilter("ignore")  # it wishes for type hints beside the signature
        info = Model.log(
            None,
            mlflow.pyfunc,
            name="model",
            run_id=run_id,
            python_model=str(Path(__file__).with_name("served_model.py")),
            artifacts=artifacts,
            signature=_signature(example),
            input_example=example,
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
    return str(info.model_id)


def _signature(example: NDArray[np.float32]) -> ModelSignature:
    """Describe input and output; an array of objects is MLflow's word for arrays of any shape, images and rows."""
    faces = Schema([TensorSpec(np.dtype(object), (-1,))])
    pixels = Schema([TensorSpec(np.dtype(np.float32), (-1, *example.shape[1:]))])
    return ModelSignature(faces, pixels, ParamSchema([ParamSpec("output", "string", "pixels")]))
