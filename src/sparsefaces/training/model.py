"""A model as it is used: its weights, and how its code is made."""

from typing import NamedTuple

import numpy as np

from sparsefaces.base.arrays import Array
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import ModelParams
from sparsefaces.training.activations import ACTIVATIONS, RELU, Activation, numbers_of
from sparsefaces.training.weights import Weights


class Model(NamedTuple):
    """An autoencoder, without torch.

    Attributes:
        weights: V, W, b and a.
        activation: What of max(0, X V + b) a face keeps.
    """

    weights: Weights[Array]
    activation: Activation = RELU

    @property
    def filters(self) -> Array:
        """The decoder W, (h, d): one decoding filter per unit."""
        return self.weights.W

    def encode(self, X: Array) -> Array:
        """Compute the codes, (N, h), of faces, (N, d)."""
        return self.activation.apply(encode(X, self.weights.V, self.weights.b))

    def decode(self, Z: Array) -> Array:
        """Compute the reconstructions Z W + a, (N, d), from codes, (N, h)."""
        return np.asarray(Z @ self.weights.W + self.weights.a)


def activation_of(model: ModelParams) -> Activation:
    """Choose the activation of a model's section.

    Raises:
        UserError: There is none by its name, or it lacks a number, or it is given one that it does not take.
    """
    if model.activation not in ACTIVATIONS:
        raise UserError(f"activation is {model.activation!r}, but must be one of {', '.join(ACTIVATIONS)}")
    taken = numbers_of(model.activation)
    for name in sorted({name for activation in ACTIVATIONS for name in numbers_of(activation)}):
        if (name in taken) == (getattr(model, name) is None):
            raise UserError(f"{name} must be {'given' if name in taken else 'null'} with activation {model.activation}")
    return Activation(model.activation, {name: getattr(model, name) for name in taken})


def encode(X: Array, V: Array, b: Array) -> Array:
    """Compute max(0, X V + b), (N, h), of faces, (N, d)."""
    return np.asarray(np.maximum(X @ V + b, 0))
