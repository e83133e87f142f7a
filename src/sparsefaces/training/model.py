"""A model as it is used: its weights, and how its code is made."""

from typing import NamedTuple

import numpy as np

from sparsefaces.base.arrays import Array
from sparsefaces.training.activations import RELU, Activation
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


def encode(X: Array, V: Array, b: Array) -> Array:
    """Compute max(0, X V + b), (N, h), of faces, (N, d)."""
    return np.asarray(np.maximum(X @ V + b, 0))
