"""Bootstrap intervals (Efron 1979) of scipy's: how far a difference could lie from the one that was measured."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

SEED, RESAMPLES, LEVEL = 0, 2000, 0.95
BATCH = 100  # resamples at a time: bounds the memory

Values = NDArray[np.float64]


class Estimate(NamedTuple):
    """A difference and its percentile interval at 95 %."""

    value: float
    low: float
    high: float


def paired_difference(first: Values, second: Values, statistic: Callable[[Values], Values]) -> Estimate:
    """Estimate statistic(second) - statistic(first) over faces, each resampled with both its values.

    >>> paired_difference(np.arange(4.0), np.arange(4.0) + 2, lambda means: means)
    Estimate(value=2.0, low=2.0, high=2.0)

    Args:
        first: One value per face, (N,).
        second: Another of the same faces, (N,).
        statistic: What is made of means of values, elementwise, as 10 log10 for PSNR.
    """
    return _estimate(first, second, lambda values, axis: statistic(values.mean(axis=axis)), paired=True)


def difference_of_medians(first: Values, second: Values) -> Estimate:
    """Estimate median(second) - median(first) over units, resampled on their own: the two models' are unrelated.

    >>> difference_of_medians(np.full(5, 1.0), np.full(7, 4.0))
    Estimate(value=3.0, low=3.0, high=3.0)

    Args:
        first: One value per unit, (h1,).
        second: One value per unit, (h2,).
    """
    return _estimate(first, second, lambda values, axis: np.median(values, axis=axis), paired=False)


def _estimate(first: Values, second: Values, of: Callable[[Values, int], Any], *, paired: bool) -> Estimate:
    def difference(one: Values, other: Values, axis: int = -1) -> Any:  # noqa: ANN401 - a number or many of them
        return of(other, axis) - of(one, axis)

    measured = float(difference(first, second))
    if min(len(first), len(second)) < 2:  # nothing to resample
        return Estimate(measured, measured, measured)
    settings: dict[str, Any] = {"n_resamples": RESAMPLES, "batch": BATCH, "confidence_level": LEVEL}
    settings |= {"paired": paired, "vectorized": True, "method": "percentile", "rng": np.random.default_rng(SEED)}
    interval = bootstrap((first, second), difference, **settings).confidence_interval
    return Estimate(measured, float(interval.low), float(interval.high))
