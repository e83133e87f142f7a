"""Some rows of an array on disk, as if they were an array of their own."""

from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.arrays import Array


class Rows:
    """Rows of an array, read as they are asked for: a mapped array is never copied whole, unless by `np.asarray`."""

    def __init__(self, array: Union[Array, "Rows"], rows: NDArray[np.int64]) -> None:
        """Choose rows, by their numbers, of an array, (N, d), or of rows of one."""
        self._array: Array = array._array if isinstance(array, Rows) else array
        self._rows: NDArray[np.int64] = array._rows[rows] if isinstance(array, Rows) else rows

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, d)."""
        return len(self._rows), self._array.shape[1]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, part: slice | NDArray[np.int64]) -> Array:
        """Copy a part of the rows."""
        return self._array[self._rows[part]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401 - NumPy's protocol
        """Copy them all."""
        return np.asarray(self[:], dtype)


Faces = Array | Rows  # standardised, (N, d) float32, in memory or mapped
