"""Some rows of an array on disk, as if they were an array of their own."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.arrays import Array


class Rows:
    """Rows of an array, read as they are asked for: a mapped array is never copied whole."""

    def __init__(self, array: Array, rows: NDArray[np.int64]) -> None:
        """Choose rows, by their numbers, of an array, (N, d)."""
        self._array, self._rows = array, rows

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, d)."""
        return len(self._rows), self._array.shape[1]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, part: slice) -> Array:
        """Copy a part of the rows."""
        return self._array[self._rows[part]]

    def take(self, indices: NDArray[np.int64], axis: Literal[0], out: Array, mode: Literal["clip"]) -> Array:
        """Copy some of the rows into a buffer, as numpy.ndarray.take."""
        return self._array.take(self._rows[indices], axis=axis, out=out, mode=mode)


Faces = Array | Rows  # standardised, (N, d) float32, in memory or mapped
