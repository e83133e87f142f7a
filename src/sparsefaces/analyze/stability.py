"""Do trainings with other seeds find the same filters?"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sparsefaces.base.arrays import Array
from sparsefaces.metrics import is_nonzero, shuffle_pixels


def match_filters(first: Array, second: Array) -> NDArray[np.float64]:
    """Match two models' filters one to one, so that the sum of their absolute cosines is largest (Kuhn 1955).

    >>> match_filters(np.eye(3, dtype=np.float32), -np.eye(3, dtype=np.float32)[[2, 0, 1]]).tolist()
    [1.0, 1.0, 1.0]

    Args:
        first: (h1, n).
        second: (h2, n).

    Returns:
        The absolute cosine of each pair of filters that are not all zero, at most (min(h1, h2),).
    """
    unit = [W[is_nonzero(W)].astype(np.float64) for W in (first, second)]
    unit = [W / np.linalg.norm(W, axis=1, keepdims=True) for W in unit]
    cosines = np.abs(unit[0] @ unit[1].T)
    return np.asarray(np.minimum(cosines[linear_sum_assignment(cosines, maximize=True)], 1))


def stability(first: Array, second: Array) -> tuple[float, float]:
    """Compute the mean similarity of matched filters, and that of the null: the second's with shuffled pixels."""
    null = match_filters(first, shuffle_pixels(second, np.random.default_rng(0)))
    return float(match_filters(first, second).mean()), float(null.mean())
