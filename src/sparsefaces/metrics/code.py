"""How sparse codes are, each measure one number per face; k units, entries of either sign."""

import math

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.arrays import Array

# q: between 3 and 8, the best or within half a dB of it up to 1,000 bits per face, for every method.
BITS_PER_ACTIVATION = 5
NEAR = 0.01  # of a code's largest activation


def hoyer_sparsity(Z: Array) -> Array:
    """Compute Hoyer's sparsity of each row: 0 when all entries are equal, 1 when only one is not zero.

    (sqrt(k) - |z|_1 / |z|_2) / (sqrt(k) - 1), Hoyer 2004, equation 4; a row of zeros counts as 1.

    >>> hoyer_sparsity(np.array([[0, 3, 0, 0], [2, -2, 2, 2]], dtype=np.float32)).tolist()
    [1.0, 0.0]

    Args:
        Z: Codes, (N, k), k at least 2; or filters, of which it ignores the geometry.

    Returns:
        (N,), in [0, 1].
    """
    root = math.sqrt(Z.shape[1])
    l1, l2 = np.abs(Z).sum(axis=1), np.linalg.norm(Z, axis=1)
    ratio = np.divide(l1, l2, out=np.ones_like(l2), where=l2 > 0)
    return np.asarray(np.clip((root - ratio) / max(root - 1, 1e-12), 0, 1))


def code_bits(active: NDArray[np.int64], units: int, bits: int = BITS_PER_ACTIVATION) -> NDArray[np.float64]:
    """Compute the size of codes: which units are active, and so many bits for each one's activation.

    log2 C(h, k) + k q, for k active units of h and q bits per activation: what an enumerative code takes
    (Cover 1973), the number k itself left aside.

    >>> code_bits(np.array([0, 1, 8]), units=8, bits=4).round(9).tolist()
    [0.0, 7.0, 32.0]

    Args:
        active: k of each code, (N,).
        units: h.
        bits: q.

    Returns:
        Bits of each code, (N,).
    """
    factorials = np.concatenate([[0.0], np.cumsum(np.log2(np.arange(1, units + 1)))])  # log2 of 0! to h!
    return np.asarray(factorials[units] - factorials[active] - factorials[units - active] + active * bits)


def near_zero(Z: Array) -> NDArray[np.float64]:
    """Compute the share of each code's entries that are at most a hundredth of its largest, by absolute value.

    Being relative, it does not depend on the scale of the code; a row of zeros counts as 1.

    >>> near_zero(np.array([[100, 1, 0, -2]], dtype=np.float32)).tolist()
    [0.5]

    Args:
        Z: Codes, (N, k).

    Returns:
        (N,), in [0, 1].
    """
    size = np.abs(Z)
    return np.asarray((size <= NEAR * size.max(axis=1, keepdims=True)).mean(axis=1))


def gini(Z: Array) -> NDArray[np.float64]:
    """Compute the Gini index of the absolute values of each row: 0 when all are equal, 1 - 1/k for one alone.

    1 - 2 sum_i |z|_(i) / |z|_1 (k - i + 1/2) / k over the values in ascending order (Hurley and Rickard 2009,
    equation 3); a row of zeros counts as 1 - 1/k.

    >>> gini(np.array([[0, 3, 0, 0], [2, -2, 2, 2]], dtype=np.float32)).round(9).tolist()
    [0.75, 0.0]

    Args:
        Z: Codes, (N, k).

    Returns:
        (N,), in [0, 1 - 1/k].
    """
    k = Z.shape[1]
    values = np.sort(np.abs(Z), axis=1).astype(np.float64)
    total = values.sum(axis=1)
    below = (values * (k - np.arange(1, k + 1) + 0.5)).sum(axis=1)
    share = np.divide(below, total * k, out=np.full(len(Z), 1 / (2 * k)), where=total > 0)
    return np.asarray(np.clip(1 - 2 * share, 0, 1 - 1 / k))


def treves_rolls(Z: Array) -> NDArray[np.float64]:
    """Compute the sparseness of Treves and Rolls of each row: 1 when all are equal, 1/k for one alone.

    (sum_j |z_j| / k)^2 / (sum_j z_j^2 / k), Treves and Rolls 1991: roughly the share of units that carry the
    code, so less is sparser; a row of zeros counts as 1/k.

    >>> treves_rolls(np.array([[0, 3, 0, 0], [2, -2, 2, 2]], dtype=np.float32)).tolist()
    [0.25, 1.0]

    Args:
        Z: Codes, (N, k).

    Returns:
        (N,), in [1/k, 1].
    """
    k = Z.shape[1]
    values = np.abs(Z).astype(np.float64)
    squares = np.square(values).sum(axis=1)
    ratio = np.divide(np.square(values.sum(axis=1)), squares * k, out=np.full(len(Z), 1 / k), where=squares > 0)
    return np.asarray(np.clip(ratio, 1 / k, 1))


def sorted_activations(Z: Array) -> Array:
    """Sort all activations of codes, (N, k), from largest to smallest, (N * k,).

    >>> sorted_activations(np.array([[0, 3], [1, 2]], dtype=np.float32)).tolist()
    [3.0, 2.0, 1.0, 0.0]
    """
    return np.asarray(-np.sort(-Z, axis=None))
