"""A model on disk: model.safetensors, tensors V, W, b and a, whose metadata name the activation."""

import json
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from sparsefaces.base.arrays import Array
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import reading, remake, write_bytes
from sparsefaces.training.activations import ACTIVATIONS, Activation
from sparsefaces.training.model import Model
from sparsefaces.training.weights import Weights

ACTIVATION = "activation"


def save_model(path: Path, model: Model) -> None:
    """Write a model; the same model gives the same bytes."""
    write_bytes(path, model_bytes(model))


def model_bytes(model: Model) -> bytes:
    """Lay a model out as the bytes of a model.safetensors."""
    tensors = {name: np.ascontiguousarray(array) for name, array in model.weights._asdict().items()}
    # One entry: safetensors writes several in an order that differs from process to process.
    return safetensors.numpy.save(tensors, {ACTIVATION: json.dumps(model.activation._asdict())})


def load_model(path: Path, pixels: int | None = None) -> Model:
    """Read a model and check it; a file that names no activation, as they were once, is of ReLU.

    Args:
        path: A model.safetensors.
        pixels: d of the faces it is meant for; None takes any.

    Raises:
        UserError: The file is missing or damaged, lacks a tensor, is of an activation that is not known, or its
            shapes do not fit.
    """
    with reading(path, SafetensorError, KeyError, ValueError, TypeError), safe_open(path, "numpy") as file:
        weights = Weights(**{name: file.get_tensor(name) for name in Weights._fields})
        activation = Activation(**json.loads((file.metadata() or {}).get(ACTIVATION, "{}")))
    _check(path, weights, pixels)
    if activation.name not in ACTIVATIONS:
        raise UserError(f"{path} is of the activation {activation.name}, which is not known here: {remake(path)}")
    if activation.name == "topk" and activation.k not in range(1, len(weights.b) + 1):
        raise UserError(f"{path} keeps {activation.k} activations of {len(weights.b)} units: {remake(path)}")
    return Model(weights, activation)


def _check(path: Path, weights: Weights[Array], pixels: int | None) -> None:
    V = weights.V
    d, h = V.shape if V.ndim == 2 else (0, 0)
    shapes = {"V": (d, h), "W": (h, d), "b": (h,), "a": (d,)}
    for name, array in weights._asdict().items():
        if array.shape != shapes[name] or array.dtype != np.float32:
            raise UserError(
                f"{path}: {name} is {array.dtype} of shape {array.shape}, not float32 of {shapes[name]}: {remake(path)}"
            )
        if not np.isfinite(array).all():
            raise UserError(f"{path}: {name} has values that are NaN or infinite: {remake(path)}")
    if pixels is not None and d != pixels:
        raise UserError(f"{path} is for images of {d} pixels, but these have {pixels}: {remake(path)}")
