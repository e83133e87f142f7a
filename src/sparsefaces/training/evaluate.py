"""A model measured over a whole data set, as a training does at its end."""

import numpy as np
import torch

from sparsefaces.base.arrays import Array as Faces
from sparsefaces.base.arrays import parts
from sparsefaces.base.params import Coefficients
from sparsefaces.measures import (
    code_bits,
    effective_area,
    explained_variance,
    hoyer_sparsity,
    is_nonzero,
    rounded,
    total_variance,
)
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
        rec, spa, ent and reg as in `objective`, over all N faces; their weighted sum `loss`; `l0`, the mean
        number of active units per face; `bits`, the mean size of a face's code; `hoyer`, the mean Hoyer
        sparsity of the codes; `explained_variance`, 1 - rec / total variance about the mean face;
        `silent_units`, never active on any face; `min_mean_activation` of a unit; and `effective_area`, the
        median over filters, if any is not all zero. `ent`, and a loss it enters, is None if it is infinite.
    """
    V, W, b, a = (torch.from_numpy(array) for array in model.weights)
    rec = l0 = hoyer = bits = 0.0
    activation = np.zeros(V.shape[1])
    for rows in parts(len(X), CHUNK):
        faces = torch.from_numpy(np.array(X[rows]))
        code = sparsify(torch.addmm(b, faces, V).relu_(), model.activation)
        Z, residual = code.numpy(), torch.sub(a, faces).addmm_(code, W).numpy()
        rec += float(np.square(residual, dtype=np.float64).sum())
        activation += Z.sum(axis=0, dtype=np.float64)
        active = np.count_nonzero(Z, axis=1)
        l0 += float(active.sum())
        bits += float(code_bits(active, Z.shape[1]).sum())
        hoyer += float(hoyer_sparsity(Z).sum(dtype=np.float64))
    mean, count = activation / len(X), len(X)
    reg = np.square(model.filters, dtype=np.float64).sum()
    with np.errstate(divide="ignore"):
        terms = Terms(*(torch.tensor(value) for value in (rec / count, mean.sum(), (1 / mean).sum(), reg)))
    values = {name: float(term) for name, term in terms._asdict().items()} | {
        "loss": float(weigh(terms, coefficients)),
        "l0": l0 / count,
        "bits": bits / count,
        "hoyer": hoyer / count,
        "explained_variance": explained_variance(rec / count, total_variance(X)),
        "min_mean_activation": float(mean.min()),
    }
    if (areas := effective_area(model.filters[is_nonzero(model.filters)])).size:
        values["effective_area"] = float(np.median(areas))
    written = {name: rounded(value, DIGITS) for name, value in values.items()}
    return written | {"silent_units": int((mean == 0).sum())}
