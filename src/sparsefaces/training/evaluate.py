"""A model measured over a whole data set, as a training does at its end."""

from collections import Counter

import numpy as np
import torch

from sparsefaces.base.arrays import Array as Faces
from sparsefaces.base.arrays import parts
from sparsefaces.base.params import Coefficients
from sparsefaces.metrics import is_nonzero, rounded, total_variance
from sparsefaces.metrics.table import METRICS, TRAINING, apply_metrics
from sparsefaces.training.model import Model
from sparsefaces.training.objective import Terms, sparsify, weigh

DIGITS = 7  # significant ones: what float32 carries, and short enough to read in a diff
CHUNK = 250  # faces at a time: bounds the memory whatever N is


def evaluate(X: Faces, model: Model, coefficients: Coefficients) -> dict[str, float | None]:
    """Measure a model over all of some faces.

    Args:
        X: Standardised faces, (N, d) float32, in memory or mapped.
        model: The model.
        coefficients: What the terms are weighted with in the loss.

    Returns:
        Those of `METRICS` that trainings measure, and the weighted sum of the terms, `loss`. What is infinite is None,
        such as `ent` with a silent unit; measures of filters are missing if all filters are zero.
    """
    V, W, b, a = (torch.from_numpy(array) for array in model.weights)
    rec, activation, sums = 0.0, np.zeros(V.shape[1]), Counter[str]()
    for rows in parts(len(X), CHUNK):
        faces = torch.from_numpy(np.array(X[rows]))
        code = sparsify(torch.addmm(b, faces, V).relu_(), model.activation)
        Z, residual = code.numpy(), torch.sub(a, faces).addmm_(code, W).numpy()
        rec += float(np.square(residual, dtype=np.float64).sum())
        activation += Z.sum(axis=0, dtype=np.float64)
        sums.update({name: float(of.sum(dtype=np.float64)) for name, of in apply_metrics(TRAINING, "codes", Z).items()})
    values = {name: total / len(X) for name, total in sums.items()}
    values |= apply_metrics(TRAINING, "error", rec / len(X), total_variance(X))
    values |= apply_metrics(TRAINING, "units", activation / len(X)) | apply_metrics(TRAINING, "decoder", model.filters)
    if (filters := model.filters[is_nonzero(model.filters)]).size:
        medians = apply_metrics(TRAINING, "filters", filters)
        values |= {name: np.median(values) for name, values in medians.items()}
    terms = {name: values[name] for name in Terms._fields}
    loss = weigh(Terms(**{name: torch.tensor(value) for name, value in terms.items()}), coefficients)
    ordered = terms | {"loss": float(loss)} | {name: values[name] for name in METRICS if name in values}
    return {name: value if isinstance(value, int) else rounded(value, DIGITS) for name, value in ordered.items()}
