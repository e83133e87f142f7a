"""Each metric once: what it is called, how it is written, which way it should go, and how it is measured.

A metric is one entry of `METRICS`; from there it goes into metrics.json, MLflow, the report and the tables.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.arrays import Array
from sparsefaces.metrics.code import code_bits, gini, hoyer_sparsity, near_zero, treves_rolls
from sparsefaces.metrics.filters import border_energy, effective_area, inside, spatial_spread, window_energy
from sparsefaces.metrics.fit import explained_variance, psnr

TRAINING, COMPARISON = "training", "comparison"
ROUNDING = 1e-10  # a mean squared error below it, 100 dB, is float32's rounding


class Metric(NamedTuple):
    """One metric.

    Attributes:
        label: What tables and figures call it.
        form: How a table writes it.
        arrow: The way it should go, up or down.
        on: What it is measured on: `error`, the mean squared error and the faces' variance about their mean, in one
            unit; `codes`, (N, h), one number per face, of which the mean counts; `units`, the mean activation of each,
            (h,); `decoder`, W, (h, d); `filters`, those of W that are not all zero, one number per filter, of which the
            median counts; or, by the comparison alone, `geometry`, the same with the image's (height, width), also
            measured with pixels shuffled, or `inside`, the same without that: where pixels lie says nothing of an area.
        function: Computes it; None if it says nothing of such images.
        by: Who measures it: the training, of its model; the comparison, of every method; or both.
        unit: What an axis says of its numbers.
    """

    label: str
    form: str
    arrow: str
    on: str
    function: Callable[..., Any]
    by: str = f"{TRAINING} and {COMPARISON}"
    unit: str = ""

    @property
    def title(self) -> str:
        """The label at the beginning of a line."""
        return self.label[:1].upper() + self.label[1:]


def _psnr(error: float, variance: float) -> float | None:
    return float(psnr(error)) if error > ROUNDING else None


def _active(Z: Array) -> NDArray[np.int64]:
    return np.asarray(np.count_nonzero(Z, axis=1))


def _bits(Z: Array) -> NDArray[np.float64]:
    return code_bits(_active(Z), Z.shape[1])


def _inverse(mean: NDArray[np.float64]) -> float:
    with np.errstate(divide="ignore"):
        return float((1 / mean).sum())


# `loss` is not here: it weighs its terms with parameters that may themselves have changed, so no way is better.
# fmt: off
METRICS: Mapping[str, Metric] = MappingProxyType({
    "rec": Metric("reconstruction error (rec)", "{:.2f}", "↓", "error", lambda error, variance: error, TRAINING, "standardised units squared"),
    "spa": Metric("L1 norm of the code (spa)", "{:.1f}", "↓", "units", np.sum, TRAINING, "activation"),
    "ent": Metric("sum of 1 / mean activation (ent)", "{:.1f}", "↓", "units", _inverse, TRAINING, "1 / activation"),
    "reg": Metric("squared norm of the decoder (reg)", "{:.2f}", "↓", "decoder", lambda W: float(np.square(W, dtype=np.float64).sum()), TRAINING, "weight squared"),
    "l0": Metric("active units per face (L0)", "{:.1f}", "↓", "codes", _active),
    "bits": Metric("bits per face", "{:.1f}", "↓", "codes", _bits, TRAINING),
    "near_zero": Metric("activations of at most 1 % of the face's largest, share", "{:.3f}", "↑", "codes", near_zero, COMPARISON),
    "hoyer": Metric("Hoyer sparsity of the code", "{:.3f}", "↑", "codes", hoyer_sparsity),
    "gini": Metric("Gini index of the code", "{:.3f}", "↑", "codes", gini, COMPARISON),
    "treves_rolls": Metric("Treves-Rolls sparseness of the code", "{:.3f}", "↓", "codes", treves_rolls, COMPARISON),
    "psnr": Metric("PSNR, dB", "{:.2f}", "↑", "error", _psnr, COMPARISON),
    "explained_variance": Metric("explained variance", "{:.2%}", "↑", "error", explained_variance),
    "min_mean_activation": Metric("smallest mean activation of a unit", "{:.3g}", "↑", "units", np.min, TRAINING),
    "effective_area": Metric("effective area of a filter, share of the image", "{:.1%}", "↓", "filters", effective_area),
    "spatial_spread": Metric("spatial spread of a filter, relative to a uniform one", "{:.3f}", "↓", "geometry", spatial_spread, COMPARISON),
    "window_energy": Metric("energy of a filter in its best 9 x 9 window, share", "{:.3f}", "↑", "geometry", window_energy, COMPARISON),
    "border_energy": Metric("energy of a filter in the image's border, share", "{:.1%}", "↓", "geometry", border_energy, COMPARISON),
    "inner_area": Metric("effective area without the border, share", "{:.1%}", "↓", "inside", lambda W, shape: effective_area(inside(W, shape)[0]), COMPARISON),
    "inner_spread": Metric("spatial spread without the border", "{:.3f}", "↓", "geometry", lambda W, shape: spatial_spread(*inside(W, shape)), COMPARISON),
    "inner_window": Metric("energy in the best 9 x 9 window without the border, share", "{:.3f}", "↑", "geometry", lambda W, shape: window_energy(*inside(W, shape)), COMPARISON),
    "silent_units": Metric("units silent on every face", "{}", "↓", "units", lambda mean: int((mean == 0).sum()), TRAINING),
})
# fmt: on


def apply_metrics(by: str, on: str, *arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - what the functions take
    """Compute the metrics that a stage measures on something, by name."""
    chosen = {name: metric for name, metric in METRICS.items() if by in metric.by and metric.on == on}
    return {name: metric.function(*arguments) for name, metric in chosen.items()}
