"""A model on disk: model.safetensors, tensors V, W, b and a, whose metadata name the activation."""

import json
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import safe_open

from sparsefaces.base.files import write_bytes
from sparsefaces.training.activations import RELU, parse_activation
from sparsefaces.training.model import Model
from sparsefaces.training.weights import Weights

ACTIVATION = "activation"


def save_model(path: Path, model: Model) -> None:
    """Write a model; the same model gives the same bytes."""
    write_bytes(path, model_bytes(model))


def model_bytes(model: Model) -> bytes:
    """Lay a model out as the bytes of a model.safetensors."""
    tensors = {name: np.ascontiguousarray(array) for name, array in model.weights._asdict().items()}
    # One entry, since safetensors writes several in an order that differs from process to process; none for ReLU.
    how = {"name": model.activation.name, **model.activation.numbers}
    return safetensors.numpy.save(tensors, None if model.activation == RELU else {ACTIVATION: json.dumps(how)})


def load_model(path: Path) -> Model:
    """Read a model; a file that names no activation is of ReLU."""
    with safe_open(path, "numpy") as file:
        weights = Weights(**{name: file.get_tensor(name) for name in Weights._fields})
        return Model(weights, parse_activation((file.metadata() or {}).get(ACTIVATION)))
