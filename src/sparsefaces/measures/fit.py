"""How well a model reconstructs."""

import math
from typing import SupportsFloat

import numpy as np

from sparsefaces.standardize.rows import Faces

CHUNK = 250  # faces at a time: bounds the memory whatever N is


def total_variance(X: Faces) -> float:
    """Compute the mean squared distance of faces, (N, d), from their mean: the `rec` of predicting it.

    >>> total_variance(np.array([[0, 0], [2, 4]], dtype=np.float32))
    5.0
    """
    chunks = [slice(start, start + CHUNK) for start in range(0, len(X), CHUNK)]
    mean = sum(X[rows].sum(axis=0, dtype=np.float64) for rows in chunks) / len(X)
    return sum(float(np.square(X[rows] - mean).sum()) for rows in chunks) / len(X)


def explained_variance(rec: float, variance: float) -> float:
    """Compute the share of the variance that a model explains, 1 - rec / variance (R squared).

    The variance is about the mean face, per pixel, so that predicting the mean face explains exactly 0;
    predicting anything worse explains less than nothing.

    >>> explained_variance(rec=5.0, variance=20.0)
    0.75

    Args:
        rec: Mean squared norm of the residual a face.
        variance: `total_variance` of the same faces.
    """
    return 1 - rec / variance


def psnr(rec: float, pixels: int, scale: float) -> float:
    """Compute the peak signal-to-noise ratio in dB, 10 log10(1 / mse), for pixels in [0, 1].

    An error of a tenth in every pixel is 20 dB:

    >>> round(psnr(rec=50 * 0.5**2, pixels=50, scale=0.2), 9)
    20.0

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


def finite(value: SupportsFloat) -> float | None:
    """Replace what JSON cannot hold, inf and NaN, by None; scalars of torch and NumPy are taken as well.

    >>> finite(np.float32(0.5)), finite(math.inf)
    (0.5, None)
    """
    number = float(value)
    return number if math.isfinite(number) else None
