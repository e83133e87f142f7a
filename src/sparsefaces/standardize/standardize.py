"""Standardisation: the mean face subtracted, one scale for all pixels; in parts, however many faces there are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.errors import UserError
from sparsefaces.base.progress import in_parts
from sparsefaces.base.words import FACES


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
        return ((_flat(faces) - self.mean) / self.scale).astype(np.float32)


def measure_scaling(faces: NDArray[np.float32], trains: NDArray[np.bool_]) -> Scaling:
    """Measure the mean face and the standard deviation of the whole centred array, in two passes, with progress.

    Args:
        faces: (N, height, width), in memory or mapped.
        trains: Which faces both are of, (N,), at least 2 of them.

    Raises:
        UserError: One of these is there only, a pixel is not finite, or all of these are the same.
    """
    count = int(trains.sum())
    if count < 2:
        raise UserError(f"there is {count} image to train on: standardising needs at least 2 different ones")
    first = _flat(faces[np.flatnonzero(trains)[:1]])
    # Sums in float64, one face after the other: the result depends neither on the parts nor on float32's rounding.
    total = np.zeros_like(first, dtype=np.float64)
    same = True
    for rows in in_parts("Averaging", len(faces), first.size, FACES):
        part = _flat(faces[rows])
        _refuse_broken(part, rows.start)
        seen = part[trains[rows]]
        same = same and bool((seen == first).all())
        total = np.concatenate([total, seen]).sum(axis=0, keepdims=True)
    if same:
        raise UserError(f"all {count} images are the same: there is nothing to learn; use different ones")
    mean = total[0] / count
    squares = [
        np.square(_flat(faces[rows])[trains[rows]] - mean).sum(axis=1)
        for rows in in_parts("Scaling", len(faces), first.size, FACES)
    ]
    return Scaling(mean, np.sqrt(np.concatenate(squares).sum() / (count * mean.size)))


def _refuse_broken(part: NDArray[np.float32], start: int) -> None:
    bad = np.flatnonzero(~np.isfinite(part).all(axis=1))
    if len(bad):
        raise UserError(f"{len(bad)} images have pixels that are NaN or infinite, the first is row {start + bad[0]}")


def _flat(faces: NDArray[np.float32]) -> NDArray[np.float32]:
    return faces.reshape(len(faces), -1)
