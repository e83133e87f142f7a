"""Which faces a step trains on: a function of (seed, step) alone, so that any batch can be drawn again."""

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparsefaces.standardize.rows import Faces, announce

SHARE_IN_MEMORY = 0.25  # of the machine's memory: more than that may have to be read from disk
DRAWN_TOGETHER = 10_000  # faces: a draw between two steps, which use up the caches, takes ten times as long (measured)
BATCH_STREAM = 0  # second half of the Philox key; initial weights use stream 1


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


class Batches:
    """The batches of one training, copied from X one at a time into one buffer."""

    def __init__(self, X: Faces, seed: int, size: int, device: str = "cpu", part: slice = slice(None)) -> None:
        """Prepare to read batches of so many faces, or a part of each, from X, (N, d), in memory or mapped."""
        self._X, self._seed, self._size, self._part = X, seed, size, part
        self._drawn: tuple[int, list[NDArray[np.int64]]] = 0, []  # the first of the steps, and the rows of each
        self._buffer = np.empty((len(range(size)[part]), X.shape[1]), np.float32)
        self._batch, self._device = torch.from_numpy(self._buffer), device
        self._announces = X.nbytes > psutil.virtual_memory().total * SHARE_IN_MEMORY

    def read(self, step: int) -> Tensor:
        """Read the part of the batch of a step, (rows, d); the next call may write over it."""
        rows = self._draw(step)
        if self._announces:
            announce(self._X, self._draw(step + 1))
        self._X.take(rows, axis=0, out=self._buffer, mode="clip")  # the other modes copy once more
        return self._batch.to(self._device)

    def _draw(self, step: int) -> NDArray[np.int64]:
        first, drawn = self._drawn
        if not 0 <= step - first < len(drawn):
            steps = range(step, step + max(1, DRAWN_TOGETHER // self._size))
            drawn = [draw_batch(self._seed, each, len(self._X), self._size)[self._part] for each in steps]
            first, _ = self._drawn = step, drawn
        return drawn[step - first]
