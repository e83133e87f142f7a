"""The parameters of the autoencoder: what is trained, saved and compared."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

INITIALIZATION_STREAM = 1  # second half of the Philox key; batches use stream 0


class Weights(NamedTuple):
    """Parameters in the order in which the exercise returns them.

    Attributes:
        V: Encoder, (d, h).
        W: Decoder, (h, d); each row is one decoding filter.
        b: Encoder bias, (h,).
        a: Decoder bias, (d,).
    """

    V: Tensor
    W: Tensor
    b: Tensor
    a: Tensor


def initialize(pixels: int, hidden_units: int, seed: int) -> Weights:
    """Draw initial weights: V ~ d^-1/2 N(0, 1); W, b and a zero.

    Args:
        pixels: d, the pixels of a face.
        hidden_units: h, the units of the code.
        seed: Seed of the training; the same seed gives the same weights to the dense and the sparse model.

    Returns:
        float32 weights on the CPU.
    """
    rng = np.random.Generator(np.random.Philox(key=[seed, INITIALIZATION_STREAM]))
    V = rng.standard_normal((pixels, hidden_units)) / np.sqrt(pixels)
    return Weights(
        V=torch.from_numpy(V.astype(np.float32)),
        W=torch.zeros(hidden_units, pixels),
        b=torch.zeros(hidden_units),
        a=torch.zeros(pixels),
    )
