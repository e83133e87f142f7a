"""The weights of the autoencoder, and how they start."""

from typing import Generic, NamedTuple, TypeVar

import numpy as np

from sparsefaces.base.arrays import Array

INITIALIZATION_STREAM = 1  # second half of the Philox key; batches use stream 0

Kind = TypeVar("Kind")  # NumPy arrays of a stored model, torch tensors of one that is trained


class Weights(NamedTuple, Generic[Kind]):
    """Parameters in the order in which the exercise returns them.

    Attributes:
        V: Encoder, (d, h).
        W: Decoder, (h, d); each row is one decoding filter.
        b: Encoder bias, (h,).
        a: Decoder bias, (d,).
    """

    V: Kind
    W: Kind
    b: Kind
    a: Kind


def initialize(pixels: int, hidden_units: int, seed: int) -> Weights[Array]:
    """Draw initial weights: V ~ d^-1/2 N(0, 1); W, b and a zero.

    Args:
        pixels: d, the pixels of a face.
        hidden_units: h, the units of the code.
        seed: Seed of the training; the same seed gives the same weights to all models.
    """
    rng = np.random.Generator(np.random.Philox(key=[seed, INITIALIZATION_STREAM]))
    V = rng.standard_normal((pixels, hidden_units)) / np.sqrt(pixels)
    return Weights(
        V=V.astype(np.float32),
        W=np.zeros((hidden_units, pixels), np.float32),
        b=np.zeros(hidden_units, np.float32),
        a=np.zeros(pixels, np.float32),
    )
