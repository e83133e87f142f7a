"""The registered models of a store: a training's weights, which MLflow can serve."""

import json
import warnings
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from inspect import getsource
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
from mlflow.entities import LoggedModel, LoggedModelOutput, Metric, Run
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS
from numpy.typing import NDArray

from sparsefaces.tracking.store import MODEL, Store
from sparsefaces.training import activations

Images = NDArray[np.float32]
REQUIREMENTS = ("mlflow", "numpy", "safetensors")  # of the served model
LOADING = """{what} takes images of pixels in [0, 1]:

    model = mlflow.pyfunc.load_model("models:/{address}")
    reconstructions = model.predict(images)
    codes = model.predict(images, params={{"output": "codes"}})
"""


def register(store: Store, run_id: str, alias: str | None, files: Mapping[str, Path], example: Images) -> None:
    """Register a run's model, unless that is done; then give it its alias.

    By MLflow's client, which no current experiment or run of somebody's bends.

    Args:
        store: The store.
        run_id: The run.
        alias: The name under which the model is served from now on; None leaves names to other models.
        files: Its `weights`, a model.safetensors, and its `scaling`, a scaling.npz.
        example: Faces, (N, height, width), as an example of its input.
    """
    client = store.client
    mlflow.set_tracking_uri(store.uri)  # a new version looks there for the model, whatever its client is for
    registered = next(iter(client.search_model_versions(f"name = '{MODEL}' and run_id = '{run_id}'")), None)
    if registered is None:
        run = client.get_run(run_id)
        logged = _logged_model(store, run, files, example)
        model_id = logged.model_id
        with suppress(MlflowException):  # there is one already
            client.create_registered_model(MODEL, description=LOADING.format(what="Each", address=f"{MODEL}@sparse"))
        text = LOADING.format(what=f"{run.info.run_name}: it", address=model_id)
        registered = client.create_model_version(MODEL, logged.model_uri, run_id, description=text, model_id=model_id)
        versions = json.dumps([{"name": MODEL, "version": registered.version}])
        client.set_logged_model_tags(model_id, {MLFLOW_MODEL_VERSIONS: versions})  # as MLflow's server does
    if alias is not None:
        client.set_registered_model_alias(MODEL, alias, registered.version)


def _logged_model(store: Store, run: Run, files: Mapping[str, Path], example: Images) -> LoggedModel:
    """Log the run's model with its parameters, final metrics and note; what a killed process has begun goes."""
    client, run_id, tags = store.client, run.info.run_id, run.data.tags
    for found in client.search_logged_models([store.experiment], f"source_run_id = '{run_id}'"):
        client.delete_logged_model(found.model_id)
    of_mlflow = {name: value for name, value in tags.items() if name.startswith("mlflow.")}  # user, source, note
    logged = client.create_logged_model(store.experiment, tags["stage"], run_id, of_mlflow, run.data.params)
    final = [client.get_metric_history(run_id, name)[-1] for name in run.data.metrics if name.startswith("final/")]
    of = logged.model_id, tags["data.source"], tags["data.sha256"][:36]
    client.log_batch(run_id, [Metric(one.key, one.value, one.timestamp, one.step, *of) for one in final])
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wishes for type hints beside the signature
        mlflow.pyfunc.save_model(
            Path(folder, "model"),
            python_model=str(_served_model(Path(folder))),
            artifacts={name: str(path.resolve()) for name, path in files.items()},
            signature=_signature(example),
            input_example=example,
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


def _signature(example: Images) -> ModelSignature:
    """Describe input and output; an array of objects is MLflow's word for arrays of any shape, images and rows."""
    faces = Schema([TensorSpec(np.dtype(object), (-1,))])
    pixels = Schema([TensorSpec(np.dtype(np.float32), (-1, *example.shape[1:]))])
    return ModelSignature(faces, pixels, ParamSchema([ParamSpec("output", "string", "pixels")]))
