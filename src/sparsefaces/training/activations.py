"""How a code is made: which of a face's activations, max(0, X V + b), are kept. It needs NumPy alone.

Another activation is a function here and its name in `ACTIVATIONS`; a number that it takes is a field of
`base/params.py`'s ModelParams by the same name.
"""

import json
from collections.abc import Callable, Mapping
from inspect import signature
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Keep = Callable[..., NDArray[np.bool_]]  # of codes, (N, h), and the activation's numbers: what is kept


def everything(Z: NDArray[Any]) -> NDArray[np.bool_]:
    """Keep every activation, as ReLU does."""
    return np.ones(Z.shape, np.bool_)


def largest(Z: NDArray[Any], k: int) -> NDArray[np.bool_]:
    """Keep the k largest activations of each face, of equal ones the lower units' (Makhzani and Frey 2013).

    >>> largest(np.array([[3, 1, 2, 2], [0, 5, 0, 0]]), 2).astype(int).tolist()
    [[1, 0, 1, 0], [1, 1, 0, 0]]
    """
    least = np.partition(Z, -k, axis=1)[:, [-k]]
    above, tied = least < Z, least == Z
    places = k - np.count_nonzero(above, axis=1, keepdims=True)
    return np.asarray(above | (tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= places)))


ACTIVATIONS: Mapping[str, Keep] = MappingProxyType({"relu": everything, "topk": largest})


def numbers_of(activation: str) -> list[str]:
    """Name the numbers that an activation takes.

    >>> numbers_of("relu"), numbers_of("topk")
    ([], ['k'])
    """
    return list(signature(ACTIVATIONS[activation]).parameters)[1:]


class Activation(NamedTuple):
    """One of ACTIVATIONS and its numbers.

    Attributes:
        name: Its name.
        numbers: Its numbers by name.
    """

    name: str = "relu"
    numbers: Mapping[str, Any] = MappingProxyType({})

    def keep(self, Z: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which activations are kept of max(0, X V + b), (N, h)."""
        return ACTIVATIONS[self.name](Z, **self.numbers)

    def apply(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Make the code, (N, h), of max(0, X V + b)."""
        return Z if self.name == "relu" else np.asarray(Z * self.keep(Z))


RELU = Activation()


def parse_activation(text: str | None) -> Activation:
    """Read what a model's file says of its activation; nothing is ReLU.

    >>> parse_activation('{"name": "topk", "k": 2}').keep(np.array([[1, 3, 2]])).tolist()
    [[False, True, True]]
    """
    numbers = json.loads(text or "{}")
    name = numbers.pop("name", RELU.name)
    return Activation(name, {key: value for key, value in numbers.items() if value is not None})
