"""How well a model reconstructs and how sparse its codes and filters are."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparsefaces.objective import Terms, encode, weigh
from sparsefaces.params import Coefficients
from sparsefaces.weights import Weights

CHUNK = 1000  # faces at a time: bounds the memory whatever N is


def evaluate(X: Tensor, weights: Weights, coefficients: Coefficients) -> dict[str, float | None]:
    """Measure a model over a whole data set.

    Args:
        X: Standardised faces, (N, d) float32.
        weights: The model.
        coefficients: What the terms are weighted with in the loss.

    Returns:
        rec, spa, ent and reg as in `objective`, over all N faces; their weighted sum `loss`; `l0`, the mean
        number of active units a face; `hoyer`, the mean Hoyer sparsity of the codes; `explained_variance`,
        1 - rec / total variance about the mean face; `silent_units`, never active on any face; and
        `min_mean_activation` of a unit. `ent`, and a loss it enters, is None where it is infinite.
    """
    V, W, b, a = weights
    rec = l0 = hoyer = 0.0
    activation = torch.zeros(V.shape[1], dtype=torch.float64)
    for rows in torch.split(X, CHUNK):
        Z = encode(rows, V, b)
        residual = rows - torch.addmm(a, Z, W)
        # Column sums first: their bits do not depend on the number of threads.
        rec += float(residual.square().sum(0, dtype=torch.float64).sum())
        activation += Z.sum(0, dtype=torch.float64)
        l0 += float((Z > 0).sum())
        hoyer += float(hoyer_sparsity(Z).sum(0, dtype=torch.float64))
    mean = activation / len(X)
    reg = W.square().sum(0, dtype=torch.float64).sum()
    terms = Terms(torch.tensor(rec / len(X), dtype=torch.float64), mean.sum(), (1 / mean).sum(), reg)
    values: dict[str, float | None] = {name: finite(term) for name, term in terms._asdict().items()}
    return values | {
        "loss": finite(weigh(terms, coefficients)),
        "l0": l0 / len(X),
        "hoyer": hoyer / len(X),
        "explained_variance": 1 - rec / len(X) / total_variance(X),
        "silent_units": int((mean == 0).sum()),
        "min_mean_activation": float(mean.min()),
    }


def total_variance(X: Tensor) -> float:
    """Compute the mean squared distance of faces, (N, d), from their mean: the `rec` of predicting it."""
    return float(X.numpy().var(axis=0, dtype=np.float64).sum())


def hoyer_sparsity(Z: Tensor) -> Tensor:
    """Compute Hoyer's sparsity of each row: 0 when all entries are equal, 1 when only one is not zero.

    (sqrt(k) - |z|_1 / |z|_2) / (sqrt(k) - 1), Hoyer 2004, equation 4; a row of zeros counts as 1.

    Args:
        Z: Codes, (N, k), k at least 2.

    Returns:
        (N,), in [0, 1].
    """
    root = math.sqrt(Z.shape[1])
    l1, l2 = Z.abs().sum(1), torch.linalg.vector_norm(Z, dim=1)
    ratio = torch.where(l2 > 0, l1 / l2, torch.ones_like(l2))
    return ((root - ratio) / max(root - 1, 1e-12)).clamp(0, 1)


def psnr(rec: float, pixels: int, scale: float) -> float:
    """Compute the peak signal-to-noise ratio in dB, 10 log10(1 / mse), for pixels in [0, 1].

    Args:
        rec: Mean squared norm of the residual a face, in standardised units.
        pixels: d.
        scale: Pixel units per standardised unit.

    Returns:
        dB; inf without any error.
    """
    if rec == 0:
        return math.inf
    return -10 * math.log10(rec * scale**2 / pixels)


def effective_area(W: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute the share of the image that each filter covers, 1 / (n sum_i p_i^2).

    p_i = w_i^2 / |w|^2 is a pixel's share of the filter's energy (the inverse participation ratio, Bell and
    Dean 1970). A uniform filter gives 1, a single pixel 1/n.

    Args:
        W: Filters, (h, n); filters of zeros are left out.

    Returns:
        At most (h,) values in [1/n, 1].
    """
    energy = np.square(W.astype(np.float64))
    total = energy.sum(axis=1, keepdims=True)
    share = energy[total[:, 0] > 0] / total[total[:, 0] > 0]
    return np.asarray(1 / (W.shape[1] * np.square(share).sum(axis=1)))


def finite(value: Tensor | float) -> float | None:
    """Replace what JSON cannot hold, inf and NaN, by None."""
    number = float(value)
    return number if math.isfinite(number) else None
