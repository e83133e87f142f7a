"""The training step in closed form: the five matrix products of the gradient and one fused Adam pass.

It computes what autograd computes on `objective.get_objective_terms` (the tests hold it to that), without a
graph and without allocating: about half the time of the straightforward loop (`make bench` measures it).
"""

from typing import Any

import torch
from torch import Tensor

from sparsefaces.objective import Terms, entropy_term
from sparsefaces.params import Coefficients
from sparsefaces.weights import Weights


class Engine:
    """One training's weights, gradients, buffers and optimizer."""

    def __init__(self, weights: Weights, batch_size: int, coefficients: Coefficients, learning_rate: float) -> None:
        """Allocate everything once.

        Args:
            weights: Initial weights, updated in place by `step`.
            batch_size: m, the faces of every batch.
            coefficients: What the terms are weighted with.
            learning_rate: Adam's step size.
        """
        self.weights = weights
        self._batch_size, self._coefficients = batch_size, coefficients
        V, W, b, a = weights
        for parameter in weights:
            parameter.grad = torch.zeros_like(parameter)
        d, h = V.shape
        self._code = V.new_empty(batch_size, h)
        self._residual = V.new_empty(batch_size, d)
        self._signal = V.new_empty(batch_size, h)
        # Adam adds weight_decay * W to the gradient of W: with 2 eta, exactly the gradient of eta |W|^2.
        groups: list[dict[str, Any]] = [
            {"params": [V, b, a]},
            {"params": [W], "weight_decay": 2 * coefficients.eta},
        ]
        self._adam = torch.optim.Adam(groups, lr=learning_rate, fused=True)

    def step(self, X: Tensor) -> None:
        """Update the weights on one batch of faces, (m, d)."""
        self.forward(X)
        self.update(X)

    def update(self, X: Tensor) -> None:
        """Update the weights on the batch last given to `forward`."""
        self.backward(X)
        self._adam.step()

    def forward(self, X: Tensor) -> None:
        """Fill the buffers: the code Z, (m, h), and the residual Z W + a - X, (m, d)."""
        V, W, b, a = self.weights
        torch.addmm(b, X, V, out=self._code).relu_()
        torch.addmm(a, self._code, W, out=self._residual).sub_(X)

    def terms(self) -> Terms:
        """Compute the terms of the batch last given to `forward`, before its update."""
        # Column sums first: a sum over a whole array is split among threads, and its bits with them.
        rec = self._residual.square().sum(0).sum() / self._batch_size
        spa = self._code.sum(0).sum() / self._batch_size
        reg = self.weights.W.square().sum(0).sum()
        return Terms(rec, spa, entropy_term(self._code.mean(0)), reg)

    def mean_activations(self) -> Tensor:
        """Compute each unit's mean activation, (h,), over the batch last given to `forward`."""
        return self._code.mean(0)

    def backward(self, X: Tensor) -> None:
        """Write the gradient of rec + lambda spa + epsilon ent into `.grad`, from `forward`'s buffers."""
        V, W, b, a = self.weights
        Z, R, G, m = self._code, self._residual, self._signal, self._batch_size
        R.mul_(2 / m)
        torch.mm(Z.T, R, out=W.grad)
        torch.sum(R, 0, out=a.grad)
        torch.mm(R, W.T, out=G)
        lambd, epsilon, _ = self._coefficients
        if lambd:
            G.add_(lambd / m)
        if epsilon:
            # d ent / d z_ij = -1 / (m mean_j^2); a silent unit's gate is shut: any finite value does.
            mean = Z.mean(0)
            mean.masked_fill_(mean == 0, torch.inf)
            G.sub_(mean.square_().reciprocal_().mul_(epsilon / m))
        # The gate of max(0, .): nothing flows where the unit is off.
        torch.ops.aten.threshold_backward.grad_input(G, Z, 0, grad_input=G)
        torch.mm(X.T, G, out=V.grad)
        torch.sum(G, 0, out=b.grad)
