"""Ways to take one training step, timed beside each other by bench.py; the tests follow one of them too.

Each is made of the faces, (N, d), the units h and the batch size m, and is a function of the step's number.
"""

from collections.abc import Callable

import numpy as np
import torch
from floor import RATE, floor  # noqa: F401 - bench.py finds the floor among the contestants

import sparsefaces  # noqa: F401 - before torch: sets how its threads wait and round
from sparsefaces.base.arrays import Array
from sparsefaces.base.params import Coefficients
from sparsefaces.training.batches import Batches
from sparsefaces.training.engine import Engine
from sparsefaces.training.objective import get_objective_terms, weigh
from sparsefaces.training.products import choose_products
from sparsefaces.training.weights import Weights, initialize

SPARSE = Coefficients(1.0, 0.01, 1.0)
Step = Callable[[int], object]


def initial(X: Array, h: int) -> Weights[torch.Tensor]:
    """Make the weights that every contestant starts from."""
    return Weights(*(torch.from_numpy(array) for array in initialize(X.shape[1], h, 0)))


def engine(X: Array, h: int, m: int, library: str = "auto") -> Step:
    """This project's step, on one batch."""
    trained = Engine(initial(X, h), m, SPARSE, RATE, products=choose_products(library, "cpu"))
    batch = torch.from_numpy(X[:m].copy())
    return lambda _: trained.step(batch)


def engine_on_blas(X: Array, h: int, m: int) -> Step:
    """This project's step, on one batch, by torch's BLAS."""
    return engine(X, h, m, "blas")


def engine_on_onednn(X: Array, h: int, m: int) -> Step:
    """This project's step, on one batch, by oneDNN."""
    return engine(X, h, m, "onednn")


def engine_with_batches(X: Array, h: int, m: int) -> Step:
    """This project's step, with a new batch drawn and read each time."""
    trained, batches = Engine(initial(X, h), m, SPARSE, RATE, products=choose_products("auto", "cpu")), Batches(X, 0, m)
    return lambda step: trained.step(batches.read(step))


def exercise(X: Array, h: int, m: int, coefficients: Coefficients = SPARSE, *, fused: bool | None = None) -> Step:
    """The exercise's loop: a random batch, the objective, autograd, Adam."""
    faces = torch.from_numpy(X)
    leaves = Weights(*(weight.requires_grad_(True) for weight in initial(X, h)))
    adam = torch.optim.Adam(list(leaves), lr=RATE, fused=fused)

    def step(_: int) -> Weights[torch.Tensor]:
        batch = faces[torch.randperm(len(faces))[:m]]
        follow(batch, leaves, adam, coefficients)
        return leaves

    return step


def exercise_fused(X: Array, h: int, m: int) -> Step:
    """The exercise's loop with Adam's fused pass."""
    return exercise(X, h, m, fused=True)


def follow(
    batch: torch.Tensor, leaves: Weights[torch.Tensor], adam: torch.optim.Optimizer, coefficients: Coefficients
) -> None:
    """Take the exercise's step on a batch."""
    adam.zero_grad()
    weigh(get_objective_terms(batch, *leaves), coefficients).backward()  # type: ignore[no-untyped-call]
    adam.step()


def compiled(X: Array, h: int, m: int) -> Step:
    """The exercise's loop with its objective under torch.compile and Adam's fused pass."""
    leaves = Weights(*(weight.requires_grad_(True) for weight in initial(X, h)))
    adam = torch.optim.Adam(list(leaves), lr=RATE, fused=True)
    loss = torch.compile(lambda batch, *weights: weigh(get_objective_terms(batch, *weights), SPARSE))
    faces = torch.from_numpy(X)

    def step(_: int) -> None:
        adam.zero_grad()
        loss(faces[torch.randperm(len(faces))[:m]], *leaves).backward()
        adam.step()

    return step


def scikit_learn(X: Array, h: int, m: int) -> Step:
    """MLPRegressor on the same shapes: the dense objective only (mean squared error)."""
    from sklearn.neural_network import MLPRegressor  # noqa: PLC0415 - as JAX below, only where it is timed

    model = MLPRegressor(hidden_layer_sizes=(h,), alpha=0.0, batch_size=m, learning_rate_init=RATE)
    return lambda step: model.partial_fit(batch := X[(np.arange(m) + step * m) % len(X)], batch)


def jax(X: Array, h: int, m: int) -> Step:
    """The same step in JAX: jit, value_and_grad, optax's Adam, donated buffers."""
    import jax as j  # noqa: PLC0415 - an optional extra
    import jax.numpy as jnp  # noqa: PLC0415
    import optax  # noqa: PLC0415

    adam = optax.adam(RATE)
    lambd, epsilon, eta = SPARSE

    def loss(weights: Weights[j.Array], batch: j.Array) -> j.Array:
        Z = jnp.maximum(batch @ weights.V + weights.b, 0)
        rec = jnp.square(batch - Z @ weights.W - weights.a).sum(1).mean()
        terms = lambd * Z.sum(1).mean() + epsilon * (1 / Z.mean(0)).sum() + eta * jnp.square(weights.W).sum()
        return rec + terms

    def update(weights: Weights[j.Array], state: object, batch: j.Array) -> tuple[Weights[j.Array], object]:
        changes, state = adam.update(j.grad(loss)(weights, batch), state)
        return optax.apply_updates(weights, changes), state

    jitted = j.jit(update, donate_argnums=(0, 1))
    weights = Weights(*(jnp.asarray(array) for array in initialize(X.shape[1], h, 0)))
    carried = [weights, adam.init(weights)]
    batches = Batches(X, 0, m)

    def step(number: int) -> None:
        carried[:] = jitted(*carried, batches.read(number).numpy())
        j.block_until_ready(carried)

    return step
