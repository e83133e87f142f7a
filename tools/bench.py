"""Time a training step beside its floor and the plain autograd loop: interleaved, medians, ratios.

The floor is what no implementation on these libraries avoids: the five matrix products of the step and
one fused Adam pass over all weights. Usage: python tools/bench.py [threads]
"""

import sys
import time
from collections.abc import Callable
from statistics import median

import torch

import sparsefaces  # noqa: F401 - before torch: sets how its threads wait and round
from sparsefaces.engine import Engine
from sparsefaces.objective import get_objective_terms, weigh
from sparsefaces.params import Coefficients
from sparsefaces.weights import Weights, initialize

PIXELS, HIDDEN, BATCH = 37 * 28, 400, 100
ROUNDS, STEPS = 15, 40
SPARSE = Coefficients(1.0, 0.01, 1.0)


def initial():
    return Weights(*map(torch.from_numpy, initialize(PIXELS, HIDDEN, 0)))


def floor(X: torch.Tensor) -> Callable[[], None]:
    """Make a step of the products and the Adam pass alone."""
    weights = initial()
    for weight in weights:
        weight.grad = torch.full_like(weight, 1e-3)
    adam = torch.optim.Adam(list(weights), lr=1e-4, fused=True)
    code, residual = torch.rand(BATCH, HIDDEN), torch.rand(BATCH, PIXELS)
    buffers = [torch.empty(size) for size in ((BATCH, HIDDEN), (BATCH, PIXELS), (HIDDEN, PIXELS), (PIXELS, HIDDEN))]

    def step() -> None:
        torch.mm(X, weights.V, out=buffers[0])
        torch.mm(code, weights.W, out=buffers[1])
        torch.mm(code.T, residual, out=buffers[2])
        torch.mm(residual, weights.W.T, out=buffers[0])
        torch.mm(X.T, code, out=buffers[3])
        adam.step()

    return step


def engine(X: torch.Tensor) -> Callable[[], None]:
    """Make a step of this project's engine."""
    trained = Engine(initial(), BATCH, SPARSE, 1e-4)
    return lambda: trained.step(X)


def autograd(X: torch.Tensor) -> Callable[[], None]:
    """Make a step of the exercise's loop: objective, backward, Adam."""
    leaves = Weights(*(weight.requires_grad_(True) for weight in initial()))
    adam = torch.optim.Adam(list(leaves), lr=1e-4)

    def step() -> None:
        adam.zero_grad()
        weigh(get_objective_terms(X, *leaves), SPARSE).backward()  # type: ignore[no-untyped-call]
        adam.step()

    return step


def main() -> None:
    """Print milliseconds a step and each contestant's ratio to the floor of the same round."""
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    X = torch.randn(BATCH, PIXELS, generator=torch.Generator().manual_seed(0))
    contestants = {make.__name__: make(X) for make in (floor, engine, autograd)}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS + 1):  # the first is a warm-up
        for name, step in contestants.items():
            start = time.perf_counter()
            for _ in range(STEPS):
                step()
            times[name].append((time.perf_counter() - start) / STEPS * 1000)
    print(f"{torch.get_num_threads()} thread(s), medians of {ROUNDS} interleaved rounds of {STEPS} steps")
    for name, values in times.items():
        ratios = [value / base for value, base in zip(values[1:], times["floor"][1:], strict=True)]
        print(f"{name:<9} {median(values[1:]):6.2f} ms a step, {median(ratios):5.2f} times the floor")


if __name__ == "__main__":
    main()
