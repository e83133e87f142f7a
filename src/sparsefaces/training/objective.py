"""The four terms of the objective: the reference that the training engine is held to."""

from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from sparsefaces.base.params import Coefficients
from sparsefaces.training.activations import RELU, Activation

Values = Tensor | NDArray[Any]


class Terms(NamedTuple):
    """The terms of the objective, in the exercise's order.

    Attributes:
        rec: Reconstruction error: squared norm over pixels, mean over faces.
        spa: L1 norm of the code, mean over faces.
        ent: Sum over units of 1 / mean activation; inf when a unit is silent.
        reg: Squared Frobenius norm of the decoder.
    """

    rec: Tensor
    spa: Tensor
    ent: Tensor
    reg: Tensor


def sparsify(Z: Tensor, activation: Activation) -> Tensor:
    """Make the code of max(0, X V + b), (N, h); gradients flow through what is kept."""
    if activation == RELU:
        return Z
    return Z * torch.from_numpy(activation.keep(Z.detach().cpu().numpy())).to(Z.device)


def get_objective_terms(
    X: Values, V: Values, W: Values, b: Values, a: Values, *, activation: Activation = RELU
) -> Terms:
    """Compute the terms of the objective on a set of faces, differentiably.

    With Z = max(0, X V + b), or what the activation keeps of it, and Xhat = Z W + a over N faces (Montavon's
    exercise on sparse autoencoders):

        rec = 1/N sum_i |x_i - xhat_i|^2        spa = 1/N sum_i |z_i|_1
        ent = sum_j 1 / (1/N sum_i z_ij)        reg = |W|_F^2

    A unit that is silent on all of X makes `ent` infinite; its gradient from `ent` is 0, since its ReLU gate
    is shut.

    Args:
        X: Standardised faces, (N, d). Each argument is a tensor or a NumPy array.
        V: Encoder, (d, h).
        W: Decoder, (h, d).
        b: Encoder bias, (h,).
        a: Decoder bias, (d,).
        activation: What the code keeps.

    Returns:
        (rec, spa, ent, reg), scalar tensors.
    """
    V = torch.as_tensor(V)
    X, W, b, a = (torch.as_tensor(values, dtype=V.dtype, device=V.device) for values in (X, W, b, a))
    Z = sparsify(torch.relu(torch.addmm(b, X, V)), activation)
    rec = (X - torch.addmm(a, Z, W)).square().sum(1).mean()
    spa = Z.sum(1).mean()
    return Terms(rec, spa, entropy_term(Z.mean(0)), W.square().sum())


def entropy_term(mean: Tensor) -> Tensor:
    """Sum 1 / mean over units, (h,); inf, with a gradient of 0 from each silent unit, when one is silent."""
    silent = mean == 0
    active = (1 / torch.where(silent, torch.ones_like(mean), mean)).masked_fill(silent, 0).sum()
    # Adding the inf, instead of choosing it, keeps the gradients of the units that are active.
    return active + torch.where(silent.any(), torch.inf, 0.0)


def weigh(terms: Terms, coefficients: Coefficients) -> Tensor:
    """Add up rec + lambda spa + epsilon ent + eta reg; a weight of 0 adds nothing, not 0 x inf."""
    loss = terms.rec
    for coefficient, term in zip(coefficients, terms[1:], strict=True):
        if coefficient:
            loss = loss + coefficient * term
    return loss
