"""The exercise's claims, each a number that could have come out otherwise, with a verdict."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.analyze.bootstrap import Estimate, difference_of_medians, paired_difference
from sparsefaces.analyze.compression import HeldOut
from sparsefaces.analyze.methods import Measured, median, rounded_all
from sparsefaces.metrics import psnr
from sparsefaces.metrics.table import METRICS

UNKNOWN = Estimate(np.nan, np.nan, np.nan)
HOLDS, FAILS, OPEN = "holds", "does not hold", "not decided"
NEAR_ZERO = "The {} code has far more activations near zero."
COST = "Sparsity costs some reconstruction."
COMPRESSION = "Sparsity can compress faces: with few units kept, people it has not seen are shown better."
LOCALITY = "The {} filters are more local."
NO_MODEL = ("claim", "measure", "difference", "interval", "null", "verdict")  # keys of a row that name none

Values = NDArray[np.float64]


class Criterion(NamedTuple):
    """How a claim is measured.

    Attributes:
        claim: The sentence, with a place for the model's name.
        metric: Its name.
        expected: Which way the claim says that the model lies from the first: 1 for higher, -1 for lower.
        label: What the table calls it, if not as `METRICS` does.
    """

    claim: str
    metric: str
    expected: int
    label: str = ""


OF_CODES = (
    Criterion(NEAR_ZERO, "near_zero", 1),
    Criterion(NEAR_ZERO, "hoyer", 1),
    Criterion(NEAR_ZERO, "gini", 1),
    Criterion(NEAR_ZERO, "treves_rolls", -1),
)
OF_FIT = (
    Criterion(COST, "psnr", -1, label="PSNR of people held out, dB"),
    Criterion(COST, "explained_variance", -1, label="explained variance of people held out"),
)
OF_FILTERS = (
    Criterion(LOCALITY, "effective_area", -1),
    Criterion(LOCALITY, "spatial_spread", -1),
    Criterion(LOCALITY, "window_energy", 1),
    Criterion(LOCALITY, "inner_area", -1),
    Criterion(LOCALITY, "inner_spread", -1),
    Criterion(LOCALITY, "inner_window", 1),
)


def judge_claims(
    models: Mapping[str, Measured], people: NDArray[np.int32], held_out: Mapping[str, HeldOut]
) -> list[dict[str, Any]]:
    """Judge every claim of each model against the first.

    Args:
        models: By name, over all faces that train; the first is what the others are compared with.
        people: Whose faces these are, (N,).
        held_out: By name, what the model leaves of people whom it has not seen.

    Returns:
        The rows of claims.json.
    """
    first, *others = models
    rows = []
    for other in others:
        pair = {name: models[name] for name in (first, other)}
        codes = [{name: of.faces[row.metric] for name, of in pair.items()} for row in OF_CODES]
        rows += [_of_faces(row, faces, people, np.asarray) for row, faces in zip(OF_CODES, codes, strict=True)]
        rows += _of_people_held_out(first, other, held_out)
        rows += [_of_filters(row, pair) for row in OF_FILTERS if row.metric in pair[first].filters]
    return rows


def models_of(row: Mapping[str, Any]) -> list[str]:
    """Name the two models that a row of claims.json compares, the one that the other is held against first."""
    return [key for key in row if key not in NO_MODEL]


def verdict(estimate: Estimate, expected: int, null_difference: float = 0.0) -> str:
    """Decide a claim by the interval of a difference.

    It holds if the whole interval lies on the expected side of zero, and of the difference that filters
    with shuffled pixels show; it does not if the whole interval lies on the other side of either.

    >>> verdict(Estimate(2.0, 1.0, 3.0), 1), verdict(Estimate(2.0, 1.0, 3.0), -1)
    ('holds', 'does not hold')
    >>> verdict(Estimate(2.0, 1.0, 3.0), 1, null_difference=2.5), verdict(Estimate(0.1, -1.0, 1.2), 1)
    ('not decided', 'not decided')

    Args:
        estimate: The model minus the first.
        expected: 1 if the claim says that the model is higher, -1 for lower.
        null_difference: The null's difference.
    """
    ends = [(estimate.low - zero, estimate.high - zero) for zero in (0.0, null_difference)]
    sides = [(low, high) if expected > 0 else (-high, -low) for low, high in ends]
    if all(low > 0 for low, _ in sides):
        return HOLDS
    return FAILS if any(high < 0 for _, high in sides) else OPEN


def _of_people_held_out(first: str, other: str, held_out: Mapping[str, HeldOut]) -> list[dict[str, Any]]:
    its, mine = held_out[first], held_out[other]
    statistics = {"psnr": psnr, "explained_variance": lambda mse: 1 - mse / its.variance}
    rows = [
        _of_faces(row, {first: its.errors, other: mine.errors}, its.people, statistics[row.metric]) for row in OF_FIT
    ]
    for (k, one), (_, another) in zip(its.few, mine.few, strict=True):
        criterion = Criterion(COMPRESSION, "psnr", 1, label=f"PSNR with the {k} strongest units per face, dB")
        rows.append(_of_faces(criterion, {first: one.errors, other: another.errors}, its.people, psnr))
    return rows


def _of_faces(
    row: Criterion, pair: Mapping[str, Values], people: NDArray[np.int32], statistic: Callable[[Values], Values]
) -> dict[str, Any]:
    values = {name: float(statistic(np.asarray(of.mean()))) for name, of in pair.items()}
    first, other = pair.values()
    return _row(row, values, paired_difference(first, other, people, statistic), None)


def _of_filters(row: Criterion, pair: Mapping[str, Measured]) -> dict[str, Any]:
    filters = {name: of.filters[row.metric] for name, of in pair.items()}
    first, other = filters.values()
    estimate = difference_of_medians(first, other) if len(first) and len(other) else UNKNOWN
    null = {name: of.null.get(row.metric) for name, of in pair.items()}
    known = all(row.metric in of.null for of in pair.values())
    return _row(row, {name: median(of) for name, of in filters.items()}, estimate, null if known else None)


def _row(
    row: Criterion, values: Mapping[str, float | None], estimate: Estimate, null: Mapping[str, float | None] | None
) -> dict[str, Any]:
    """Write a row; if a model has no filters or leaves no error, the difference is unknown, and nothing is decided."""
    if not all(np.isfinite(estimate)):
        estimate = UNKNOWN
    _, other = values
    low, high = (null or {}).values() or (None, None)
    numbers = rounded_all(estimate._asdict())
    return {
        "claim": row.claim.format(other),
        "measure": row.label or METRICS[row.metric].label,
        **rounded_all(values),
        "difference": numbers["value"],
        "interval": None if estimate is UNKNOWN else [numbers["low"], numbers["high"]],
        "null": null and rounded_all(null),
        "verdict": verdict(estimate, row.expected, 0.0 if low is None or high is None else high - low),
    }
