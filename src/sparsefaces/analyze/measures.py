"""What the comparison alone measures, of codes, filters and images; what a training measures, too, is in `measures/`.

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
from sparsefaces.measures import shares_of_energy

NEAR = 0.01  # of a code's largest activation
WINDOW = 9  # pixels, height and width of the window


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


def window_energy(W: Array, shape: tuple[int, int], size: int = WINDOW) -> NDArray[np.float64]:
    """Compute the share of each filter's energy in the window of size x size pixels that holds most of it.

    >>> W = np.array([[1, 1, 0, 0, 0, 0, 0, 1]], dtype=np.float32)
    >>> window_energy(W, (2, 4), size=2).round(9).tolist()
    [0.666666667]

    Args:
        W: Filters, (h, n).
        shape: (height, width) with height * width = n.
        size: Height and width of the window, cut down to the image's.

    Returns:
        At most (h,) values in (0, 1].
    """
    energy = shares_of_energy(W).reshape(-1, *shape)
    for axis in (1, 2):
        energy = sliding_window_view(energy, min(size, energy.shape[axis]), axis=axis).sum(axis=-1)
    return np.asarray(np.minimum(energy.max(axis=(1, 2)), 1))


def shuffle_pixels(W: Array, rng: np.random.Generator) -> Array:
    """Shuffle the pixels of each filter, (h, n), on its own: same weights, no geometry.

    >>> W = np.arange(6, dtype=np.float32).reshape(2, 3)
    >>> np.sort(shuffle_pixels(W, np.random.default_rng(0))).tolist() == W.tolist()
    True
    """
    return rng.permuted(W, axis=1)


def psnr(mse: Any) -> Any:  # noqa: ANN401 - a number or an array of them
    """Compute the peak signal-to-noise ratio in dB, 10 log10(1 / mse), of pixels in [0, 1]; inf without any error.

    An error of a tenth in every pixel is 20 dB:

    >>> float(round(psnr(0.1**2), 9))
    20.0
    """
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mse)
