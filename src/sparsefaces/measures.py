"""How well a model reconstructs and how sparse its codes and filters are: pure functions on arrays."""

import math
from typing import SupportsFloat

import numpy as np
from numpy.typing import NDArray

from sparsefaces.weights import Array

CHUNK = 250  # faces at a time: bounds the memory whatever N is
BITS_AN_ACTIVATION = 8


def total_variance(X: Array) -> float:
    """Compute the mean squared distance of faces, (N, d), from their mean: the `rec` of predicting it."""
    chunks = [slice(start, start + CHUNK) for start in range(0, len(X), CHUNK)]
    mean = sum(X[rows].sum(axis=0, dtype=np.float64) for rows in chunks) / len(X)
    return sum(float(np.square(X[rows] - mean).sum()) for rows in chunks) / len(X)


def hoyer_sparsity(Z: Array) -> Array:
    """Compute Hoyer's sparsity of each row: 0 when all entries are equal, 1 when only one is not zero.

    (sqrt(k) - |z|_1 / |z|_2) / (sqrt(k) - 1), Hoyer 2004, equation 4; a row of zeros counts as 1.

    Args:
        Z: Codes, (N, k), k at least 2.

    Returns:
        (N,), in [0, 1].
    """
    root = math.sqrt(Z.shape[1])
    l1, l2 = np.abs(Z).sum(axis=1), np.linalg.norm(Z, axis=1)
    ratio = np.divide(l1, l2, out=np.ones_like(l2), where=l2 > 0)
    return np.asarray(np.clip((root - ratio) / max(root - 1, 1e-12), 0, 1))


def code_bits(active: NDArray[np.int64], units: int, bits: int = BITS_AN_ACTIVATION) -> NDArray[np.float64]:
    """Compute the size of codes: which units are active, and so many bits for each one's activation.

    log2 C(h, k) + k q, for k active units of h and q bits an activation: what an enumerative code takes
    (Cover 1973), the number k itself left aside.

    Args:
        active: k of each code, (N,).
        units: h.
        bits: q.

    Returns:
        Bits of each code, (N,).
    """
    factorials = np.concatenate([[0.0], np.cumsum(np.log2(np.arange(1, units + 1)))])  # log2 of 0! to h!
    return np.asarray(factorials[units] - factorials[active] - factorials[units - active] + active * bits)


def psnr(rec: float, pixels: int, scale: float) -> float:
    """Compute the peak signal-to-noise ratio in dB, 10 log10(1 / mse), for pixels in [0, 1].

    Args:
        rec: Mean squared norm of the residual a face, in standardised units.
        pixels: d.
        scale: Pixel units per standardised unit.

    Returns:
        dB; inf without any error.
    """
    if rec == 0:
        return math.inf
    return -10 * math.log10(rec * scale**2 / pixels)


def effective_area(W: Array) -> NDArray[np.float64]:
    """Compute the share of the image that each filter covers, 1 / (n sum_i p_i^2).

    p_i = w_i^2 / |w|^2 is a pixel's share of the filter's energy (the inverse participation ratio, Bell and
    Dean 1970). A uniform filter gives 1, a single pixel 1/n.

    Args:
        W: Filters, (h, n); filters of zeros are left out.

    Returns:
        At most (h,) values in [1/n, 1].
    """
    energy = np.square(W.astype(np.float64))
    total = energy.sum(axis=1, keepdims=True)
    share = energy[total[:, 0] > 0] / total[total[:, 0] > 0]
    return np.asarray(1 / (W.shape[1] * np.square(share).sum(axis=1)))


def finite(value: SupportsFloat) -> float | None:
    """Replace what JSON cannot hold, inf and NaN, by None; scalars of torch and NumPy are taken as well."""
    number = float(value)
    return number if math.isfinite(number) else None
