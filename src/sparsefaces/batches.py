"""Which faces a step trains on: a function of (seed, step) alone, so that any batch can be drawn again."""

import numpy as np
from numpy.typing import NDArray

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
