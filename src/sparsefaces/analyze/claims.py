"""The exercise's claims, each a number that could have come out otherwise, with a verdict."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.analyze.bootstrap import Estimate, difference_of_medians, paired_difference
from sparsefaces.analyze.compression import Point
from sparsefaces.analyze.measures import psnr
from sparsefaces.analyze.methods import Measured, median, rounded_all
from sparsefaces.metrics import METRICS

UNKNOWN = Estimate(np.nan, np.nan, np.nan)
HOLDS, FAILS, OPEN = "holds", "does not hold", "not decided"
NEAR_ZERO = "The sparse code has far more activations near zero."
COST = "Sparsity costs some reconstruction."
COMPRESSION = "Sparsity can compress faces: with few units kept, people it has not seen are shown better."
LOCALITY = "The sparse filters focus on single features: they are more local."

Values = NDArray[np.float64]


class Measure(NamedTuple):
    """How a claim is measured.

    Attributes:
        claim: The sentence.
        metric: Its name.
        expected: Which way the claim says that the sparse model lies: 1 for higher, -1 for lower.
        label: What the table calls it, if not as `METRICS` does.
    """

    claim: str
    metric: str
    expected: int
    label: str = ""


OF_CODES = (
    Measure(NEAR_ZERO, "near_zero", 1),
    Measure(NEAR_ZERO, "hoyer", 1),
    Measure(NEAR_ZERO, "gini", 1),
    Measure(NEAR_ZERO, "treves_rolls", -1),
)
OF_FIT = (Measure(COST, "psnr", -1), Measure(COST, "explained_variance", -1))
OF_FILTERS = (
    Measure(LOCALITY, "effective_area", -1),
    Measure(LOCALITY, "spatial_spread", -1),
    Measure(LOCALITY, "window_energy", 1),
)


def judge_claims(
    dense: Measured, sparse: Measured, variance: float, pairs: Sequence[tuple[int, Point, Point]]
) -> list[dict[str, Any]]:
    """Judge every claim.

    Args:
        dense: The dense model over all faces.
        sparse: The sparse model over the same.
        variance: Mean squared error of a pixel if every face is taken for the mean face.
        pairs: Units kept, and what the dense and the sparse code then leave of people held out.

    Returns:
        The rows of claims.json.
    """
    rows = [_of_faces(row, dense.faces[row.metric], sparse.faces[row.metric], np.asarray) for row in OF_CODES]
    statistics = {"psnr": psnr, "explained_variance": lambda mse: 1 - mse / variance}
    rows += [_of_faces(row, dense.faces["mse"], sparse.faces["mse"], statistics[row.metric]) for row in OF_FIT]
    for k, few_dense, few_sparse in pairs:
        kept = Measure(COMPRESSION, "psnr", 1, label=f"PSNR with the {k} strongest units per face, dB")
        rows.append(_of_faces(kept, few_dense.errors, few_sparse.errors, psnr))
    return rows + [_of_filters(row, dense, sparse) for row in OF_FILTERS if row.metric in dense.filters]


def verdict(estimate: Estimate, expected: int, null_difference: float = 0.0) -> str:
    """Decide a claim by the interval of a difference.

    It holds if the whole interval lies on the expected side of zero, and of the difference that filters
    with shuffled pixels show; it does not if the whole interval lies on the other side of either.

    >>> verdict(Estimate(2.0, 1.0, 3.0), 1), verdict(Estimate(2.0, 1.0, 3.0), -1)
    ('holds', 'does not hold')
    >>> verdict(Estimate(2.0, 1.0, 3.0), 1, null_difference=2.5), verdict(Estimate(0.1, -1.0, 1.2), 1)
    ('not decided', 'not decided')

    Args:
        estimate: Sparse minus dense.
        expected: 1 if the claim says that sparse is higher, -1 for lower.
        null_difference: The null's sparse minus dense.
    """
    ends = [(estimate.low - zero, estimate.high - zero) for zero in (0.0, null_difference)]
    sides = [(low, high) if expected > 0 else (-high, -low) for low, high in ends]
    if all(low > 0 for low, _ in sides):
        return HOLDS
    return FAILS if any(high < 0 for _, high in sides) else OPEN


def _of_faces(row: Measure, dense: Values, sparse: Values, statistic: Callable[[Values], Values]) -> dict[str, Any]:
    first, second = (float(statistic(np.asarray(values.mean()))) for values in (dense, sparse))
    return _row(row, (first, second), paired_difference(dense, sparse, statistic), None)


def _of_filters(row: Measure, dense: Measured, sparse: Measured) -> dict[str, Any]:
    first, second = dense.filters[row.metric], sparse.filters[row.metric]
    estimate = difference_of_medians(first, second) if len(first) and len(second) else UNKNOWN
    null = {"dense": dense.null[row.metric], "sparse": sparse.null[row.metric]} if row.metric in dense.null else None
    return _row(row, (median(first), median(second)), estimate, null)


def _row(
    row: Measure, models: Sequence[float | None], estimate: Estimate, null: Mapping[str, float | None] | None
) -> dict[str, Any]:
    """Write a row; if a model has no filters or leaves no error, the difference is unknown, and nothing is decided."""
    if not all(np.isfinite(estimate)):
        estimate = UNKNOWN
    shift = null["sparse"] - null["dense"] if null and None not in null.values() else 0.0  # type: ignore[operator]
    numbers = rounded_all(estimate._asdict())
    return {
        "claim": row.claim,
        "measure": row.label or METRICS[row.metric].label,
        **rounded_all(dict(zip(("dense", "sparse"), models, strict=True))),
        "difference": numbers["value"],
        "interval": None if estimate is UNKNOWN else [numbers["low"], numbers["high"]],
        "null": null and rounded_all(null),
        "verdict": verdict(estimate, row.expected, shift),
    }
