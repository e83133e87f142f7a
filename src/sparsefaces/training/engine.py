"""The training step in closed form: the five matrix products of the gradient and Adam's fused step.

It computes what autograd computes on `objective.get_objective_terms` (the tests hold it to that), without a
graph: near the floor of what these products cost (`make bench` measures it).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from sparsefaces.base.params import Coefficients
from sparsefaces.training.activations import RELU, Activation
from sparsefaces.training.model import Model
from sparsefaces.training.objective import Terms, entropy_term, sparsify
from sparsefaces.training.parallel import ONE_PROCESS, Ranks
from sparsefaces.training.weights import Weights

# As Kingma and Ba 2015 have them, and torch's class.
ADAM: Any = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False, "maximize": False}
TINY = 1e-15  # a mean activation, whose inverse square is far below float32's largest number


class Engine:
    """One training's weights, gradients, buffers and optimizer.

    Several processes that share a training call every method together but `forward`, `state` and `restore`.

    Attributes:
        weights: As they stand.
        gradients: Those of the whole loss, as `backward` wrote them last.
        learning_rate: Adam's step size, which may be set anew between steps.
    """

    def __init__(
        self,
        weights: Weights[Tensor],
        batch_size: int,
        coefficients: Coefficients,
        learning_rate: float,
        *,
        activation: Activation = RELU,
        ranks: Ranks = ONE_PROCESS,
    ) -> None:
        """Allocate what lasts.

        Args:
            weights: Initial weights, which are updated in place.
            batch_size: m, the faces of every batch, over all processes.
            coefficients: What the terms are weighted with.
            learning_rate: Adam's step size.
            activation: What the code keeps.
            ranks: The processes that share each batch: the X of the methods is this one's part of it.
        """
        self._activation, self._ranks = activation, ranks
        self._batch_size, self._coefficients = batch_size, coefficients
        self.weights, self.learning_rate = weights, learning_rate
        self._steps = Weights(*(torch.zeros((), device=weight.device) for weight in weights))
        self._averages, self._squares, self.gradients = (Weights(*map(torch.zeros_like, weights)) for _ in range(3))
        rows, (d, h) = len(range(batch_size)[ranks.part(batch_size)]), weights.V.shape
        self._code, self._signal = weights.V.new_empty(rows, h), weights.V.new_empty(rows, h)
        self._residual = weights.V.new_empty(rows, d)

    def step(self, X: Tensor) -> None:
        """Update the weights on one batch of faces, (m, d), or this process's part of it."""
        self.forward(X)
        self.backward(X)
        self.advance()

    def forward(self, X: Tensor) -> None:
        """Fill the buffers: the code Z, (m, h), and the residual Z W + a - X, (m, d)."""
        V, W, b, a = self.weights
        self._code = sparsify(torch.addmm(b, X, V, out=self._code).relu_(), self._activation)
        torch.sub(a, X, out=self._residual).addmm_(self._code, W)

    def terms(self) -> Terms:
        """Compute the terms of the batch last given to `forward`, before `advance`."""
        # Column sums first: a sum over a whole array is split among threads, and its bits with them.
        rec = self._ranks.all_reduce(self._residual.square().sum(0).sum()) / self._batch_size
        mean = self.mean_code()
        reg = self.weights.W.square().sum(0).sum()
        return Terms(rec, mean.sum(), entropy_term(mean), reg)

    def mean_code(self) -> Tensor:
        """Average each unit's activation, (h,), over the batch last given to `forward`."""
        return self._ranks.all_reduce(self._code.sum(0)).div_(self._batch_size)

    def active_units(self) -> float:
        """Count the active units per face of the batch last given to `forward`, on average."""
        return float(self._ranks.all_reduce(torch.count_nonzero(self._code))) / self._batch_size

    def backward(self, X: Tensor) -> None:
        """Write the gradients of the whole loss, from `forward`'s buffers."""
        Z, R, m, new, W = self._code, self._residual, self._batch_size, self.gradients, self.weights.W
        # The derivative of rec by the reconstruction is 2/m R; that of eta |W|^2 is 2 eta W, of which each process
        # adds its share.
        share = 2 * self._coefficients.eta / self._ranks.count
        torch.addmm(W, Z.T, R, beta=share, alpha=2 / m, out=new.W)
        torch.sum(R, 0, out=new.a).mul_(2 / m)
        G = torch.addmm(self._signal, R, W.T, beta=0, alpha=2 / m, out=self._signal)
        self._through_the_code(G)
        torch.sum(G, 0, out=new.b)
        torch.mm(X.T, G, out=new.V)
        for gradient in new:
            self._ranks.all_reduce(gradient)

    def _through_the_code(self, G: Tensor) -> None:
        """Make the gradient of rec by the code that of the whole loss by what the activation is given."""
        m = self._batch_size
        lambd, epsilon, _ = self._coefficients
        if lambd:
            G.add_(lambd / m)
        if epsilon:
            # d ent / d z_ij = -1 / (m mean_j^2), kept finite for a silent unit, whose gate is shut.
            # The mean is the whole batch's: averaging the gradients of its parts would not give ent's.
            G.sub_(self.mean_code().clamp_min_(TINY).square_().reciprocal_().mul_(epsilon / m))
        # The gate, 1 or 0: while the unit is off, or not kept, nothing flows. (The sign of a code that is never
        # negative takes a tenth of the time of a comparison and a mask.)
        G.mul_(self._code.sign())

    def advance(self) -> None:
        """Take Adam's step along the gradients that `backward` wrote.

        By the function behind torch.optim.Adam: the class checks all its options again at each step, and loads torch's
        compiler at the first, which takes seconds.
        """
        of_adam = self.weights, self.gradients, self._averages, self._squares, self._steps
        weights, gradients, averages, squares, steps = map(list, of_adam)
        adam(weights, gradients, averages, squares, [], steps, lr=self.learning_rate, fused=True, **ADAM)

    def gradient_norm(self) -> Tensor:
        """Compute the norm of the gradient of the whole loss, before `advance`."""
        return torch.stack([gradient.square().sum(0).sum() for gradient in self.gradients]).sum().sqrt()

    def model(self) -> Model:
        """Take the model as it stands, in NumPy; on the CPU it shares the weights' memory."""
        return Model(Weights(*(weight.detach().cpu().numpy() for weight in self.weights)), self._activation)

    def state(self) -> dict[str, Tensor]:
        """Name everything that the next step depends on: the weights and what Adam keeps of each, not copied."""
        state = {"": self.weights, ".step": self._steps, ".exp_avg": self._averages, ".exp_avg_sq": self._squares}
        return {name + what: tensor for what, of in state.items() for name, tensor in of._asdict().items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` named; the tensors are copied.

        Raises:
            KeyError: A tensor is missing.
            RuntimeError: A tensor has another shape.
        """
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
