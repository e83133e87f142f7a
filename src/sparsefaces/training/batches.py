"""Which faces a step trains on: a function of (seed, step) alone, so that any batch can be drawn again."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparsefaces.base.arrays import Array as Faces

BATCH_STREAM = 0  # second half of the Philox key; initial weights use stream 1
DRAWN_TOGETHER = 100  # batches: one drawn between two steps, which empty the caches, takes ten times as long (measured)


def draw_batch(seed: int, step: int, faces: int, batch_size: int) -> NDArray[np.int64]:
    """Draw the distinct faces of one minibatch, uniformly.

    A counter-based generator (Philox, Salmon et al. 2011) is keyed by the seed and started at the step, so a
    resumed training needs no generator state.

    Args:
        seed: Seed of the training.
        step: Iteration, from 0.
        faces: Faces to draw from.
        batch_size: Faces to draw, at most `faces`.

    Returns:
        Row numbers, (batch_size,).
    """
    # The step sits in the counter's upper words: no two steps share a part of the stream.
    philox = np.random.Philox(key=[seed, BATCH_STREAM], counter=[0, 0, step, 0])
    return np.random.Generator(philox).choice(faces, size=batch_size, replace=False)


@lru_cache(maxsize=1)
def _draw_together(seed: int, group: int, faces: int, batch_size: int) -> list[NDArray[np.int64]]:
    steps = range(group * DRAWN_TOGETHER, (group + 1) * DRAWN_TOGETHER)
    return [draw_batch(seed, step, faces, batch_size) for step in steps]


class Batches(NamedTuple):
    """The batches of one training, or a part of each.

    Attributes:
        X: Faces, (N, d), in memory or mapped: only batches are copied.
        seed: Seed of the training.
        size: Faces of a batch.
        device: Where they are needed.
        part: Which of a batch's faces are read.
    """

    X: Faces
    seed: int
    size: int
    device: str = "cpu"
    part: slice = slice(None)

    def read(self, step: int) -> Tensor:
        """Read the part of the batch of a step, (rows, d)."""
        group, place = divmod(step, DRAWN_TOGETHER)
        rows = _draw_together(self.seed, group, len(self.X), self.size)[place][self.part]
        return torch.from_numpy(self.X[rows]).to(self.device)
