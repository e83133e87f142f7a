"""The registered models of a store: a training's weights, which MLflow can serve."""

import shutil
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from inspect import getsource
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
from mlflow.entities import LoggedModelOutput, Run
from mlflow.models import ModelSignature
from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec
from numpy.typing import NDArray

from sparsefaces.base.files import writing
from sparsefaces.tracking.store import MODEL, Store, StoreError, side_by_side
from sparsefaces.training import activations

VERSION_TAGS = ("stage", "lambda", "activation", "k", "data.source", "git.commit", "model.sha256")
REQUIREMENTS = ("mlflow", "numpy", "safetensors")  # of the served model


def is_served(store: Store, run_id: str, alias: str | None) -> bool:
    """Tell whether the model of a run is registered, under an alias if there is to be one.

    Raises:
        StoreError: The store fails.
    """
    model = _logged_model(store, run_id)
    versions = _versions(store, run_id, model) if _is_whole(model) else []
    return any(alias in (None, *version.aliases) for version in versions)


def register(store: Store, run_id: str, alias: str | None, folder: Path) -> None:
    """Register a finished run's model, with tags of what it is; what is there of it stays, what is missing is made.

    Args:
        store: The store.
        run_id: The run.
        alias: The name under which the model is served from now on; None leaves names to other models.
        folder: What `save_model` has written.

    Raises:
        StoreError: The store fails, or refuses the model.
    """
    run, model = store.client.get_run(run_id), _logged_model(store, run_id)
    if _is_whole(model):
        registered = next(iter(_versions(store, run_id, model)), None)
    else:  # nothing was registered before it was whole
        model, registered = _log_model(store, run, model, folder), None
    if not store.client.search_registered_models(f"name = '{MODEL}'"):
        description = "Autoencoders: `dense` and `sparse` name the models in stages/, tags tell all of them apart."
        try:
            store.client.create_registered_model(MODEL, description=description)
        except StoreError:  # from another machine, at the same moment
            store.client.get_registered_model(MODEL)
    # MLflow looks for the model in the store that is current, whatever a client was made for: let it be this one.
    mlflow.set_tracking_uri(store.uri)
    if registered is None:
        known = {**run.data.tags, **run.data.params}
        tags = {name: known[name] for name in VERSION_TAGS if name in known}
        registered = store.client.create_model_version(
            MODEL, model.model_uri, run_id, tags=tags, model_id=model.model_id
        )
    if alias is not None:
        store.client.set_registered_model_alias(MODEL, alias, registered.version)


def save_model(folder: Path, files: Mapping[str, Path], example: NDArray[np.float32]) -> None:
    """Write an MLflow model that runs `served_model.py`, in place of what is in the folder.

    Args:
        folder: Where to.
        files: `weights`, a model.safetensors, and `scaling`, a scaling.npz.
        example: Faces, (N, height, width), as an example of the model's input.

    Raises:
        UserError: There is no room.
    """
    shutil.rmtree(folder, ignore_errors=True)
    with writing(folder), warnings.catch_warnings(), TemporaryDirectory() as temporary:
        # Copies: DVC may have left links to its cache (cache.type), which MLflow does not follow.
        copies = {name: shutil.copy(path, temporary) for name, path in files.items()}
        warnings.simplefilter("ignore")  # it wishes for type hints beside the signature
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(_served_model(Path(temporary))),
            artifacts=copies,
            signature=_signature(example),
            input_example=example,
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
    for pycache in folder.rglob("__pycache__"):
        shutil.rmtree(pycache)


def _versions(store: Store, run_id: str, model: Any) -> list[Any]:  # noqa: ANN401 - MLflow's LoggedModel
    """List the registered versions of a run's model, with their aliases, which a search leaves out."""
    found = store.client.search_model_versions(f"name = '{MODEL}' and run_id = '{run_id}'")
    return [store.client.get_model_version(MODEL, one.version) for one in found if one.source == model.model_uri]


def _logged_model(store: Store, run_id: str) -> Any:  # noqa: ANN401 - MLflow's LoggedModel
    found = store.client.search_logged_models([store.experiment], f"source_run_id = '{run_id}'")
    return next(iter(found), None)


def _is_whole(model: Any) -> bool:  # noqa: ANN401 - as above
    return model is not None and model.status == "READY"


def _log_model(store: Store, run: Run, model: Any, folder: Path) -> Any:  # noqa: ANN401 - as above
    """Upload a model: one that was begun, or a new one."""
    if model is None:
        model = store.client.create_logged_model(store.experiment, "model", run.info.run_id)
    store.check_files_reach_it(model.artifact_location)

    def send(file: Path) -> None:
        place = file.parent.relative_to(folder).as_posix()
        store.client.log_model_artifact(model.model_id, str(file), None if place == "." else place)

    side_by_side(send, [path for path in folder.rglob("*") if path.is_file()])
    if model.model_id not in [output.model_id for output in (run.outputs.model_outputs if run.outputs else [])]:
        store.client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])  # fails if done twice
    return store.client.finalize_logged_model(model.model_id, "READY")


def _served_model(folder: Path) -> Path:
    """Write one file that needs nothing of the project: served_model.py, with activations.py in place of its import."""
    served = Path(__file__).with_name("served_model.py")
    imported = f"from {activations.__name__} import Activation\n"
    path = folder / served.name
    path.write_text(served.read_text(encoding="utf-8").replace(imported, getsource(activations)), encoding="utf-8")
    return path


def _signature(example: NDArray[np.float32]) -> ModelSignature:
    """Describe input and output; an array of objects is MLflow's word for arrays of any shape, images and rows."""
    faces = Schema([TensorSpec(np.dtype(object), (-1,))])
    pixels = Schema([TensorSpec(np.dtype(np.float32), (-1, *example.shape[1:]))])
    return ModelSignature(faces, pixels, ParamSchema([ParamSpec("output", "string", "pixels")]))
