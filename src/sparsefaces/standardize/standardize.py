"""Standardisation: the mean face subtracted, one scale for all pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.errors import UserError


class Scaling(NamedTuple):
    """What standardises faces, and what turns them back: image = X * scale + mean.

    Attributes:
        mean: The mean face, (d,) float64, in [0, 1].
        scale: Standard deviation of the whole centred array, in the unit of the pixels.
    """

    mean: NDArray[np.float64]
    scale: np.float64

    def standardize(self, faces: NDArray[np.float32]) -> NDArray[np.float32]:
        """Subtract the mean face, per pixel, of faces, (n, height, width), and divide by the scale: (n, d)."""
        return ((faces.reshape(len(faces), -1) - self.mean) / self.scale).astype(np.float32)


def measure_scaling(faces: NDArray[np.float32], train_mask: NDArray[np.bool_]) -> Scaling:
    """Measure the mean face and the standard deviation of the whole centred array.

    Args:
        faces: (N, height, width).
        train_mask: Which faces both are of, (N,).

    Raises:
        UserError: There are fewer than 2 different ones, or a pixel is not finite.
    """
    seen = faces.reshape(len(faces), -1)[train_mask].astype(np.float64)
    mean = seen.mean(axis=0)
    scale = np.sqrt(np.square(seen - mean).mean())
    if not (np.isfinite(faces).all() and scale > 0):
        raise UserError(f"of {len(seen)} images to train on, at least 2 must differ, and all pixels be finite numbers")
    return Scaling(mean, scale)
