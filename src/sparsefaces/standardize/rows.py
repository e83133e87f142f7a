"""Some rows of an array on disk, as if they were an array of their own."""

import mmap
from collections.abc import Callable
from typing import Any, Literal, TypeGuard, Union

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.arrays import Array

Index = slice | NDArray[np.int64]


class Rows:
    """Rows of an array, read as they are asked for: a mapped array is never copied whole, unless by `np.asarray`."""

    def __init__(self, array: Union[Array, "Rows"], rows: NDArray[np.int64]) -> None:
        """Choose rows, by their numbers, of an array, (N, d), or of rows of one."""
        self._array: Array = array._array if isinstance(array, Rows) else array
        self._rows: NDArray[np.int64] = array._rows[rows] if isinstance(array, Rows) else rows

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return len(self._rows) * self._array.strides[0]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, d)."""
        return len(self._rows), self._array.shape[1]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, part: Index) -> Array:
        """Copy a part of the rows."""
        return self._array[self._rows[part]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401 - NumPy's protocol
        """Copy them all."""
        return np.asarray(self[:], dtype)

    def __reduce__(self) -> tuple[Callable[..., "Rows"], tuple[Any, ...]]:
        """Let another process map the same file, instead of sending it the array."""
        array = self._array
        if _is_mapped(array):
            return _map, (str(array.filename), array.dtype.str, array.offset, array.shape, self._rows)
        return Rows, (array, self._rows)

    def take(self, indices: NDArray[np.int64], axis: Literal[0], out: Array, mode: Literal["clip"]) -> Array:
        """Copy some of the rows into a buffer, as numpy.ndarray.take."""
        return self._array.take(self._rows[indices], axis=axis, out=out, mode=mode)


def announce(X: "Faces", rows: NDArray[np.int64]) -> None:
    """Let the system read some faces from disk meanwhile, if they are mapped: they are asked for soon."""
    array, rows = (X._array, X._rows[rows]) if isinstance(X, Rows) else (X, rows)
    if not (_is_mapped(array) and hasattr(mmap.mmap, "madvise")):
        return
    mapped: Any = array.base
    length = array.strides[0]
    for row in rows.tolist():
        start = array.offset % mmap.ALLOCATIONGRANULARITY + row * length
        beyond = start % mmap.PAGESIZE
        mapped.madvise(mmap.MADV_WILLNEED, start - beyond, length + beyond)


def _is_mapped(array: Array) -> TypeGuard[np.memmap[Any, Any]]:
    """Tell whether an array is all of what is mapped from a file, and no view of a part."""
    return isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap)


def _map(path: str, dtype: str, offset: int, shape: tuple[int, int], rows: NDArray[np.int64]) -> Rows:
    return Rows(np.memmap(path, dtype, "r", offset, shape), rows)


Faces = Array | Rows  # standardised, (N, d) float32, in memory or mapped
