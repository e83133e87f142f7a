"""Every method measured by the same measures on the same faces."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.analyze.baselines import Factors
from sparsefaces.base.arrays import Array, parts
from sparsefaces.metrics import is_nonzero, rounded, shuffle_pixels, total_variance
from sparsefaces.metrics.table import COMPARISON, apply_metrics
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.training.model import Model

CHUNK = 1000
SHUFFLES, SHUFFLE_SEED = 10, 0
DIGITS = 4  # significant ones of what is written

Values = NDArray[np.float64]


class Measured(NamedTuple):
    """A method, measured.

    Attributes:
        faces: By metric, one value per face, (N,); `mse` is that of its pixels, in [0, 1].
        filters: By metric, one value per filter that is not all zero.
        null: The measures of geometry on filters with their pixels shuffled: medians over all shuffles.
    """

    faces: dict[str, Values]
    filters: dict[str, Values]
    null: dict[str, float | None]


def factors_of(model: Model, X: Array) -> Factors:
    """Describe an autoencoder's reconstruction of faces, (N, d), as a product of codes and filters."""
    codes = [model.encode(X[rows]) for rows in parts(len(X), CHUNK)]
    return Factors(model.filters, np.concatenate(codes), model.weights.a)


def measure(factors: Factors, data: Dataset) -> Measured:
    """Measure a method's codes, residuals and filters."""
    by_part = [_measure_codes(factors, rows, data) for rows in parts(len(data.X), CHUNK)]
    faces = {name: np.concatenate([part[name] for part in by_part]) for name in by_part[0]}
    filters = factors.components[is_nonzero(factors.components)]
    measured = apply_metrics(COMPARISON, "filters", filters) | _geometry(filters, data.shape)
    measured |= apply_metrics(COMPARISON, "inside", filters, data.shape)
    return Measured(faces, measured, _null(filters, data.shape))


def _measure_codes(factors: Factors, rows: slice, data: Dataset) -> dict[str, Values]:
    Z = factors.codes[rows]
    residual = Z @ factors.components + factors.offset - data.X[rows]
    mse = np.square(residual).mean(axis=1, dtype=np.float64) * data.scale**2
    return {"mse": mse} | {name: of.astype(np.float64) for name, of in apply_metrics(COMPARISON, "codes", Z).items()}


def _geometry(filters: Array, shape: tuple[int, int]) -> dict[str, Values]:
    measured = apply_metrics(COMPARISON, "geometry", filters, shape)
    return {name: values for name, values in measured.items() if values is not None}


def _null(filters: Array, shape: tuple[int, int]) -> dict[str, float | None]:
    rng = np.random.default_rng(SHUFFLE_SEED)
    shuffled = [_geometry(shuffle_pixels(filters, rng), shape) for _ in range(SHUFFLES)]
    return {name: median(np.concatenate([values[name] for values in shuffled])) for name in shuffled[0]}


def summarize(measured: Mapping[str, Measured], data: Dataset) -> list[dict[str, Any]]:
    """Sum every method up in one row: means over faces, medians over filters, the null's medians."""
    variance = pixel_variance(data)
    return [{"method": name} | _row(method, variance) for name, method in measured.items()]


def pixel_variance(data: Dataset) -> float:
    """Compute the mean squared error of a pixel, in [0, 1], if every face is taken for the mean face."""
    return total_variance(data.X) * float(data.scale) ** 2 / float(data.X.shape[1])


def _row(method: Measured, variance: float) -> dict[str, Any]:
    means = {name: float(values.mean()) for name, values in method.faces.items()}
    mse = means.pop("mse")
    row = (
        apply_metrics(COMPARISON, "error", mse, variance)
        | means
        | {name: median(values) for name, values in method.filters.items()}
    )
    return rounded_all(row) | {"null": rounded_all(method.null)}


def median(values: Values) -> float | None:
    """Compute the median; None of nothing."""
    return float(np.median(values)) if len(values) else None


def rounded_all(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Round to a few significant digits, which do not depend on the machine's last ones; None if not finite."""
    return {name: rounded(value, DIGITS) for name, value in values.items()}
