"""Bootstrap intervals (Efron 1979): how far a difference could lie from the one that was measured."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SEED, RESAMPLES, LEVEL = 0, 2000, 0.95
CHUNK = 100  # resamples at a time: bounds the memory

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
        first: A value a face, (N,).
        second: Another of the same faces, (N,).
        statistic: What is made of means of values, elementwise, as 10 log10 for PSNR.
    """
    values = np.stack([first, second], axis=1)
    counts = _counts(len(values))
    means = [counts[start : start + CHUNK] @ values / len(values) for start in range(0, RESAMPLES, CHUNK)]
    return _estimate(statistic(values.mean(axis=0)), statistic(np.concatenate(means)))


@lru_cache(maxsize=1)
def _counts(n: int) -> NDArray[np.uint16]:
    """Count how often each resample draws each of n faces, (RESAMPLES, n): the same draws for every statistic."""
    rng, even = np.random.default_rng(SEED), np.full(n, 1 / n)
    counts = np.empty((RESAMPLES, n), np.uint16)
    for start in range(0, RESAMPLES, CHUNK):
        counts[start : start + CHUNK] = rng.multinomial(n, even, size=min(CHUNK, RESAMPLES - start))
    return counts


def difference_of_medians(first: Values, second: Values) -> Estimate:
    """Estimate median(second) - median(first) over units, resampled on their own: the two models' are unrelated.

    >>> difference_of_medians(np.full(5, 1.0), np.full(7, 4.0))
    Estimate(value=3.0, low=3.0, high=3.0)

    Args:
        first: A value a unit, (h1,).
        second: A value a unit, (h2,).
    """
    rng = np.random.default_rng(SEED)
    draws = [np.median(rng.choice(values, size=(RESAMPLES, len(values))), axis=1) for values in (first, second)]
    return _estimate(np.array([np.median(first), np.median(second)]), np.stack(draws, axis=1))


def _estimate(measured: Values, resampled: Values) -> Estimate:
    differences = resampled[:, 1] - resampled[:, 0]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    return Estimate(float(measured[1] - measured[0]), float(low), float(high))
