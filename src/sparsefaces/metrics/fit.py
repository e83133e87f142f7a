"""How well a model reconstructs."""

import math
from typing import Any, SupportsFloat

import numpy as np

from sparsefaces.base.arrays import Array as Faces
from sparsefaces.base.arrays import parts

CHUNK = 250  # faces at a time: bounds the memory whatever N is


def total_variance(X: Faces) -> float:
    """Compute the mean squared distance of faces, (N, d), from their mean: the `rec` of predicting it.

    >>> total_variance(np.array([[0, 0], [2, 4]], dtype=np.float32))
    5.0
    """
    mean = sum(X[rows].sum(axis=0, dtype=np.float64) for rows in parts(len(X), CHUNK)) / len(X)
    return sum(float(np.square(X[rows] - mean).sum()) for rows in parts(len(X), CHUNK)) / len(X)


def explained_variance(rec: float, variance: float) -> float:
    """Compute the share of the variance that a model explains, 1 - rec / variance (R squared).

    The variance is about the mean face, per pixel, so that predicting the mean face explains exactly 0;
    predicting anything worse explains less than nothing. Of faces that do not vary, it is NaN.

    >>> explained_variance(rec=5.0, variance=20.0)
    0.75

    Args:
        rec: Mean squared norm of the residual per face.
        variance: `total_variance` of the same faces.
    """
    return 1 - rec / variance if variance else math.nan


def psnr(mse: Any) -> Any:  # noqa: ANN401 - a number or an array of them
    """Compute the peak signal-to-noise ratio in dB, 10 log10(1 / mse), of pixels in [0, 1]; inf without any error.

    An error of a tenth in every pixel is 20 dB:

    >>> float(round(psnr(0.1**2), 9))
    20.0
    """
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mse)


def rounded(value: SupportsFloat | None, digits: int) -> float | None:
    """Round to so many significant digits; None, for JSON, of None and of what is not finite.

    >>> rounded(12.345, 3), rounded(math.inf, 3)
    (12.3, None)
    """
    number = math.nan if value is None else float(value)
    return float(f"{number:.{digits}g}") if math.isfinite(number) else None
