"""How much of the image filters cover: of those that are not all zero, as `is_nonzero` tells."""

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.arrays import Array


def is_nonzero(W: Array) -> NDArray[np.bool_]:
    """Tell which filters, (h, n), are not all zero: (h,).

    >>> is_nonzero(np.array([[0, 0], [0, 2]], dtype=np.float32)).tolist()
    [False, True]
    """
    return np.asarray(np.any(W != 0, axis=1))


def effective_area(W: Array) -> NDArray[np.float64]:
    """Compute the share of the image that each filter covers, 1 / (n sum_i p_i^2).

    The inverse participation ratio (Bell and Dean 1970): a uniform filter gives 1, a single pixel 1/n.

    >>> effective_area(np.array([[3, 3, 3, -3], [0, 0, 2, 0], [0, 0, 0, 0]], dtype=np.float32)).tolist()
    [1.0, 0.25]

    Args:
        W: Filters, (h, n).

    Returns:
        At most (h,) values in [1/n, 1].
    """
    return np.asarray(1 / (W.shape[1] * np.square(shares_of_energy(W)).sum(axis=1)))


def shares_of_energy(W: Array) -> NDArray[np.float64]:
    """Compute p_i = w_i^2 / |w|^2, (h, n), of the filters w, (h, n), that are not all zero."""
    # Divided by the largest weight first: squares of tiny weights would vanish.
    weights = W[is_nonzero(W)].astype(np.float64)
    energy = np.square(weights / np.abs(weights).max(axis=1, keepdims=True))
    return np.asarray(energy / energy.sum(axis=1, keepdims=True))
