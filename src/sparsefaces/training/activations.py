"""How a code is made: which of a face's activations, max(0, X V + b), are kept. It needs NumPy alone.

Another activation is a function here, its name in `ACTIVATIONS`, and its name in `base/params.py`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Keep = Callable[[NDArray[Any], Any], NDArray[np.bool_]]  # codes, (N, h), and the activation's number: what is kept


def everything(Z: NDArray[Any], k: None) -> NDArray[np.bool_]:
    """Keep every activation, as ReLU does."""
    return np.ones(Z.shape, np.bool_)


def largest(Z: NDArray[Any], k: int) -> NDArray[np.bool_]:
    """Keep the k largest activations of each face, of equal ones the lower units' (Makhzani and Frey 2013).

    >>> largest(np.array([[3, 1, 2, 2], [0, 5, 0, 0]]), 2).astype(int).tolist()
    [[1, 0, 1, 0], [1, 1, 0, 0]]
    """
    least = np.partition(Z, -k, axis=1)[:, [-k]]
    kept, tied = least < Z, least == Z
    places = k - np.count_nonzero(kept, axis=1, keepdims=True)
    return np.asarray(kept | (tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= places)))


ACTIVATIONS: Mapping[str, Keep] = MappingProxyType({"relu": everything, "topk": largest})


class Activation(NamedTuple):
    """One of ACTIVATIONS and its number.

    Attributes:
        name: Its name.
        k: How many activations a face keeps; None if the activation takes no number.
    """

    name: str = "relu"
    k: int | None = None

    def keep(self, Z: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which activations are kept of max(0, X V + b), (N, h)."""
        return ACTIVATIONS[self.name](Z, self.k)

    def apply(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Make the code, (N, h), of max(0, X V + b)."""
        return Z if self == RELU else np.asarray(Z * self.keep(Z))


RELU = Activation()
