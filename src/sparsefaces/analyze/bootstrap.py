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


def paired_difference(
    first: Values, second: Values, people: NDArray[np.int32], statistic: Callable[[Values], Values]
) -> Estimate:
    """Estimate statistic(second) - statistic(first) over faces; people are resampled, each with all of their faces.

    Faces of one person are alike: resampled on their own, they would make the interval too narrow.

    >>> paired_difference(np.arange(4.0), np.arange(4.0) + 2, np.array([5, 5, 7, 7]), lambda means: means)
    Estimate(value=2.0, low=2.0, high=2.0)

    Args:
        first: One value per face, (N,).
        second: Another of the same faces, (N,).
        people: Whose faces they are, (N,).
        statistic: What is made of means of values, elementwise, as 10 log10 for PSNR.
    """
    _, person, counts = np.unique(people, return_inverse=True, return_counts=True)

    def difference(one: Values, other: Values, faces: Values, axis: int = -1) -> Values:
        ones, others = (statistic(sums.sum(axis=axis) / faces.sum(axis=axis)) for sums in (one, other))
        return others - ones

    return _estimate((np.bincount(person, first), np.bincount(person, second), counts), difference, paired=True)


def difference_of_medians(first: Values, second: Values) -> Estimate:
    """Estimate median(second) - median(first) over units, resampled on their own: the two models' are unrelated.

    >>> difference_of_medians(np.full(5, 1.0), np.full(7, 4.0))
    Estimate(value=3.0, low=3.0, high=3.0)

    Args:
        first: One value per unit, (h1,).
        second: One value per unit, (h2,).
    """

    def difference(one: Values, other: Values, axis: int = -1) -> Values:
        return np.asarray(np.median(other, axis=axis) - np.median(one, axis=axis))

    return _estimate((first, second), difference, paired=False)


def _estimate(samples: tuple[NDArray[Any], ...], difference: Callable[..., Values], *, paired: bool) -> Estimate:
    measured = float(difference(*samples))
    if min(map(len, samples)) < 2:  # nothing to resample
        return Estimate(measured, measured, measured)
    settings: dict[str, Any] = {"n_resamples": RESAMPLES, "batch": BATCH, "confidence_level": LEVEL}
    settings |= {"paired": paired, "vectorized": True, "method": "percentile", "rng": np.random.default_rng(SEED)}
    interval = bootstrap(samples, difference, **settings).confidence_interval
    return Estimate(measured, float(interval.low), float(interval.high))
