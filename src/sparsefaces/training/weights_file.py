"""Weights on disk: model.safetensors, tensors V, W, b and a."""

from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from sparsefaces.base.arrays import Array
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import reading, remake, write_bytes
from sparsefaces.training.weights import Weights


def save_weights(path: Path, weights: Weights[Array]) -> None:
    """Write weights; the same weights give the same bytes."""
    write_bytes(path, weights_bytes(weights))


def weights_bytes(weights: Weights[Array]) -> bytes:
    """Lay weights out as the bytes of a model.safetensors."""
    return safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in weights._asdict().items()})


def load_weights(path: Path, pixels: int | None = None) -> Weights[Array]:
    """Read weights and check them.

    Args:
        path: A model.safetensors.
        pixels: d of the faces they are meant for; None takes any.

    Raises:
        UserError: The file is missing or damaged, lacks a tensor, or its shapes do not fit.
    """
    with reading(path, SafetensorError, KeyError):
        tensors = safetensors.numpy.load_file(path)
        weights = Weights(**{name: tensors[name] for name in Weights._fields})
    _check(path, weights, pixels)
    return weights


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
        raise UserError(f"{path} is for faces of {d} pixels, but these have {pixels}: {remake(path)}")
