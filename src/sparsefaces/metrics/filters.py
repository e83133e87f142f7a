"""What filters cover of the image: of those that are not all zero, as `is_nonzero` tells.

w is a filter of n pixels, p_i = w_i^2 / |w|^2 the share of its energy in pixel i. Spread and window energy look at
where pixels lie; effective area and Hoyer's sparsity do not, and stay the same when the pixels are shuffled
(`shuffle_pixels`): shuffled filters are the null that locality is judged against.
"""

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sparsefaces.base.arrays import Array

WINDOW = 9  # pixels, height and width of the window
BORDER = 0.1  # of the height and of the width, on each side


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


def spatial_spread(W: Array, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Compute how far each filter's energy spreads about its centre, relative to a uniform filter.

    sqrt(sum_i p_i |r_i - c|^2) with r_i the position of pixel i and c = sum_i p_i r_i, the radius of gyration,
    over that of a filter with the same energy everywhere: 0 for a single pixel, 1 for a uniform filter, more
    if the energy sits in opposite corners.

    >>> W = np.array([[1, 1, 1, 1], [0, -5, 0, 0]], dtype=np.float32)
    >>> spatial_spread(W, (2, 2)).round(9).tolist()
    [1.0, 0.0]

    Args:
        W: Filters, (h, n).
        shape: (height, width) with height * width = n.

    Returns:
        At most (h,) values in [0, sqrt 3].
    """
    rows, columns = np.divmod(np.arange(W.shape[1]), shape[1])
    positions = np.stack([rows, columns], axis=1).astype(np.float64)
    uniform = math.sqrt(positions.var(axis=0).sum())
    positions -= positions.mean(axis=0)  # moments about the middle of the image lose fewer digits
    energy = shares_of_energy(W)
    centre = energy @ positions
    moment = energy @ np.square(positions).sum(axis=1) - np.square(centre).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(moment, 0)) / max(uniform, 1e-12))


def window_energy(W: Array, shape: tuple[int, int], size: int = WINDOW) -> NDArray[np.float64] | None:
    """Compute the share of each filter's energy in the window of size x size pixels that holds most of it.

    >>> W = np.array([[1, 1, 0, 0, 0, 0, 0, 1]], dtype=np.float32)
    >>> window_energy(W, (2, 4), size=2).round(9).tolist()
    [0.666666667]

    Args:
        W: Filters, (h, n).
        shape: (height, width) with height * width = n.
        size: Height and width of the window, cut down to the image's.

    Returns:
        At most (h,) values in (0, 1]; None if the window covers the image, and so holds all of every filter.
    """
    if max(shape) <= size:
        return None
    energy = shares_of_energy(W).reshape(-1, *shape)
    for axis in (1, 2):
        energy = sliding_window_view(energy, min(size, energy.shape[axis]), axis=axis).sum(axis=-1)
    return np.asarray(np.minimum(energy.max(axis=(1, 2)), 1))


def inside(W: NDArray[Any], shape: tuple[int, int]) -> tuple[NDArray[Any], tuple[int, int]]:
    """Cut the border off filters, (h, n): a tenth of the height and of the width on each side, in whole pixels.

    >>> inside(np.arange(50, dtype=np.float32).reshape(1, 50), (10, 5))[0].tolist() == [list(range(5, 45))]
    True

    Returns:
        What is left of the filters, (h, m), and its (height, width).
    """
    rows, columns = (round(BORDER * side) for side in shape)
    left = W.reshape(-1, *shape)[:, rows : shape[0] - rows, columns : shape[1] - columns]
    return left.reshape(len(W), math.prod(left.shape[1:])), left.shape[1:]


def border_energy(W: Array, shape: tuple[int, int]) -> NDArray[np.float64] | None:
    """Compute the share of each filter's energy in the border that `inside` cuts off.

    Args:
        W: Filters, (h, n).
        shape: (height, width) with height * width = n.

    Returns:
        At most (h,) values in [0, 1]; None if the image is too small for a border.
    """
    within, size = inside(shares_of_energy(W), shape)
    return None if size == shape else np.clip(1 - within.sum(axis=1), 0, 1)


def shuffle_pixels(W: Array, rng: np.random.Generator) -> Array:
    """Shuffle the pixels of each filter, (h, n), on its own: same weights, no geometry.

    >>> W = np.arange(6, dtype=np.float32).reshape(2, 3)
    >>> np.sort(shuffle_pixels(W, np.random.default_rng(0))).tolist() == W.tolist()
    True
    """
    return rng.permuted(W, axis=1)
