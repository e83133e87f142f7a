"""Standardisation: the mean face subtracted, one scale for all pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.errors import UserError


class Standardized(NamedTuple):
    """Standardised faces and what turns them back: image = X * scale + mean.

    Attributes:
        X: (N, d) float32, one face per row, those held out among them.
        mean: The mean face, (d,) float32, in [0, 1].
        scale: Standard deviation of the whole centred array, in the unit of the pixels.
    """

    X: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: np.float32


def standardize(faces: NDArray[np.float32], trains: NDArray[np.bool_] | None = None) -> Standardized:
    """Subtract the mean face, per pixel, and divide by the standard deviation of the whole centred array.

    Args:
        faces: (N, height, width).
        trains: Which faces the mean and the scale are of, (N,), at least 2 of them; None: all.

    Raises:
        UserError: One of these is there only, a pixel is not finite, or all of these are the same.
    """
    rows = slice(None) if trains is None or trains.all() else np.flatnonzero(trains)
    count = len(faces[rows])
    if count < 2:
        raise UserError(f"there is {count} image to train on: standardising needs at least 2 different ones")
    flat = faces.reshape(len(faces), -1)
    bad = np.flatnonzero(~np.isfinite(flat).all(axis=1))
    if len(bad):
        raise UserError(f"{len(bad)} images have pixels that are NaN or infinite, the first is row {bad[0]}")
    seen = flat[rows]
    if (seen == seen[0]).all():
        raise UserError(f"all {count} images are the same: there is nothing to learn; use different ones")
    # Sums in float64: the result does not depend on how float32 rounding happens to fall.
    mean = seen.mean(axis=0, dtype=np.float64)
    centred = flat - mean
    scale = np.sqrt(np.square(centred[rows]).mean())
    return Standardized((centred / scale).astype(np.float32), mean.astype(np.float32), np.float32(scale))
