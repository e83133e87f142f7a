"""Where the curves of compression cross: which code is ahead of which, from where to where, and by how much."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsefaces.analyze.compression import Point
from sparsefaces.analyze.methods import rounded_all
from sparsefaces.metrics import BITS_PER_ACTIVATION

LEAST_GAIN = 0.05  # dB: less is level


def describe_sizes(fitted: int, judged: int, people: int) -> str:
    """Say on whom compression was judged, and what a code costs.

    Args:
        fitted: Faces that were fitted on.
        judged: Faces that were judged.
        people: How many people these are of.
    """
    whose = f"{judged:,} of {people:,} other people" if people < judged else f"{judged:,} others"  # or nobody knows
    return (
        f"Fitted on {fitted:,} faces, judged on {whose}; "
        f"{BITS_PER_ACTIVATION} bits per coefficient; PSNR of all faces judged. What all faces share is not "
        f"counted: atoms, mean face, ranges, JPEG's headers and tables. The amplitudes kept are not fitted again. "
        f"PCA first keeps the first components of every face, and need not name them; PCA best keeps each face's "
        f"strongest components."
    )


def compare_curves(points: Sequence[Point], models: Sequence[str]) -> list[dict[str, Any]]:
    """Compare each model but the first with each other method, at equal bits and at equal numbers of coefficients.

    Args:
        points: All points.
        models: The models' names.

    Returns:
        A row per stretch on which one of the two is ahead: `model`, `against`, `at` (bits or coefficients per face),
        `from` and `to`, and `gain`, the model's PSNR minus the other's in dB where they differ most.
    """
    methods = list(dict.fromkeys(point.method for point in points))
    curves = {method: [point for point in points if point.method == method] for method in methods}
    rows = []
    for model in models[1:]:
        for method in (name for name in methods if name != model):
            for axis in ("bits", "coefficients"):
                mine, other = (_curve(curves[name], axis) for name in (model, method))
                for start, end, gain in _stretches(mine, other):
                    ends = rounded_all({"from": start, "to": end, "gain": gain})
                    rows.append({"model": model, "against": method, "at": axis} | ends)
    return rows


def _curve(points: Sequence[Point], axis: str) -> NDArray[np.float64]:
    """Make the logarithms of positions, and PSNR: (2, n), none if a position or a PSNR is not known."""
    places = np.array([(getattr(point, axis) or np.nan, point.psnr) for point in points], np.float64).T
    places = np.stack([np.log(places[0]), places[1]])
    return places if np.isfinite(places).all() else np.empty((2, 0))


def _stretches(mine: NDArray[np.float64], other: NDArray[np.float64]) -> list[tuple[float, float, float]]:
    """Find where a curve is ahead of another and where behind: from, to, and the largest difference.

    Both are taken for straight in the logarithm between their points, so that their difference is, too.
    """
    if not mine.size or not other.size:
        return []
    low, high = max(mine[0, 0], other[0, 0]), min(mine[0, -1], other[0, -1])
    if low > high:
        return []
    at = np.unique(np.clip(np.concatenate([mine[0], other[0]]), low, high))
    gains = np.interp(at, *mine) - np.interp(at, *other)
    before = np.flatnonzero(gains[:-1] * gains[1:] < 0)
    share = gains[before] / (gains[before] - gains[before + 1])
    at = np.insert(at, before + 1, at[before] + share * (at[before + 1] - at[before]))
    gains = np.insert(gains, before + 1, 0)
    zeros = np.unique(np.concatenate([[0], np.flatnonzero(gains == 0), [len(at) - 1]]))
    runs = [slice(start, end + 1) for start, end in pairwise(zeros)] or [slice(0, 1)]
    largest = [max(gains[run], key=abs) for run in runs]
    return [
        (float(np.exp(at[run][0])), float(np.exp(at[run][-1])), float(gain))
        for run, gain in zip(runs, largest, strict=True)
        if abs(gain) >= LEAST_GAIN
    ]
