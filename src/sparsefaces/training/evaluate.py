"""A model measured over a whole data set, as a training does at its end."""

import numpy as np
import torch

from sparsefaces.base.arrays import Array, parts
from sparsefaces.base.params import Coefficients
from sparsefaces.measures import code_bits, explained_variance, hoyer_sparsity, rounded, total_variance
from sparsefaces.standardize.rows import Faces
from sparsefaces.training.objective import Terms, weigh
from sparsefaces.training.products import Products, choose_products
from sparsefaces.training.weights import Weights

DIGITS = 7  # significant ones: what float32 carries, and short enough to read in a diff
CHUNK = 250  # faces at a time: bounds the memory whatever N is


def evaluate(
    X: Faces, weights: Weights[Array], coefficients: Coefficients, products: Products | None = None
) -> dict[str, float | None]:
    """Measure a model over all of some faces.

    Args:
        X: Standardised faces, (N, d) float32, in memory or mapped.
        weights: The model.
        coefficients: What the terms are weighted with in the loss.
        products: What multiplies; by default what this machine is fastest with.

    Returns:
        rec, spa, ent and reg as in `objective`, over all N faces; their weighted sum `loss`; `l0`, the mean
        number of active units per face; `bits`, the mean size of a face's code; `hoyer`, the mean Hoyer
        sparsity of the codes; `explained_variance`, 1 - rec / total variance about the mean face;
        `silent_units`, never active on any face; and `min_mean_activation` of a unit. `ent`, and a loss it
        enters, is None if it is infinite.
    """
    V, W, b, a = (torch.from_numpy(array) for array in weights)
    products = products or choose_products("auto", "cpu")
    rec = l0 = hoyer = bits = 0.0
    activation = np.zeros(V.shape[1])
    for rows in parts(len(X), CHUNK):
        faces = torch.from_numpy(np.array(X[rows]))
        code = products.encode(faces, V, b, faces.new_empty(len(faces), len(b)))
        Z = code.numpy()
        residual = products.residual(code, W, a, faces, torch.empty_like(faces)).numpy()
        rec += float(np.square(residual, dtype=np.float64).sum())
        activation += Z.sum(axis=0, dtype=np.float64)
        active = np.count_nonzero(Z, axis=1)
        l0 += float(active.sum())
        bits += float(code_bits(active, Z.shape[1]).sum())
        hoyer += float(hoyer_sparsity(Z).sum(dtype=np.float64))
    mean, count = activation / len(X), len(X)
    reg = np.square(weights.W, dtype=np.float64).sum()
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
    written = {name: rounded(value, DIGITS) for name, value in values.items()}
    return written | {"silent_units": int((mean == 0).sum())}
