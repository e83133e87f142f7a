"""Time a training step beside its floor, the plain autograd loop and JAX: interleaved rounds, medians, ratios.

Writes examples/benchmark.md. Usage: python tools/bench.py [seconds per table, 30]
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from tabulate import tabulate
from torch import Tensor
from torch.optim.adam import adam

from sparsefaces.base.arrays import Array
from sparsefaces.base.files import write_bytes
from sparsefaces.base.params import Coefficients
from sparsefaces.tracking.description import cpu_model
from sparsefaces.training.batches import Batches
from sparsefaces.training.engine import Engine
from sparsefaces.training.objective import get_objective_terms, weigh
from sparsefaces.training.weights import Weights, initialize

# NPROC is the size of JAX's pool of threads, which no flag of XLA's makes smaller.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1")
H, D, M, N = 400, 1036, 100, 13_233  # the exercise's units, pixels, batch and faces
SIZES = ((H, D, M), (100, D, M), (1600, D, M), (H, 2914, M), (H, 11_750, M), (H, D, 1000), (1600, 11_750, M))
RATE, SPARSE = 1e-4, Coefficients(1.0, 0.01, 1.0)
SECONDS_A_ROUND, FEWEST_ROUNDS = 0.1, 3
OPTIONS = {"beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0, "eps": 1e-8, "amsgrad": False, "maximize": False}
FLOOR, ENGINE = "floor: five products and one pass of Adam", "sparsefaces, drawing its batches"
EXERCISE, JAX = "the exercise's loop: autograd, Adam", "JAX, jit and optax"

Step = Callable[[int], object]  # of its number


class Timed(NamedTuple):
    """A contestant's milliseconds per step, one per round, and its CPU time over wall time."""

    milliseconds: list[float]
    cores: float

    def ratio(self, base: "Timed") -> float:
        """Compare with another contestant, round by round: the median of the ratios."""
        return median(mine / other for mine, other in zip(self.milliseconds, base.milliseconds, strict=True))


def interleave(steps: Mapping[str, Step], seconds: float) -> dict[str, Timed]:
    """Time contestants by turns for so long."""
    counts = {}
    for name, step in steps.items():
        step(0)  # compiles, allocates
        counts[name] = max(1, int(SECONDS_A_ROUND / run(step, range(1, 2))[0]))
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    end, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or number < FEWEST_ROUNDS:
        for name, step in steps.items():
            wall, cpu = run(step, range(2 + number * counts[name], 2 + (number + 1) * counts[name]))
            rounds[name].append((1000 * wall / counts[name], cpu / wall))
        number += 1
    return {name: Timed([one[0] for one in taken], median(one[1] for one in taken)) for name, taken in rounds.items()}


def run(step: Step, numbers: range) -> tuple[float, float]:
    """Take steps; return the seconds of wall and of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    for number in numbers:
        step(number)
    return time.perf_counter() - wall, time.process_time() - cpu


def faces(d: int, n: int = N) -> Array:
    """Make random faces, (n, d)."""
    return np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)


def initial(X: Array, h: int) -> Weights[Tensor]:
    """Make the weights that every contestant starts from."""
    return Weights(*(torch.from_numpy(array) for array in initialize(X.shape[1], h, 0)))


def floor(X: Array, h: int, m: int) -> Step:
    """Make the least that a step needs: the products, of views as a step has them, and Adam's fused pass."""
    batch, V, W = torch.from_numpy(X[:m].copy()), initial(X, h).V, torch.rand(h, X.shape[1])
    Z, R = torch.rand(m, h), torch.rand(m, X.shape[1])
    pairs = ((batch, V), (Z, W), (Z.T, R), (R, W.T), (batch.T, Z))
    products = [(A, B, torch.empty(len(A), B.shape[1])) for A, B in pairs]
    weights, gradients, first, second = (list(initial(X, h)) for _ in range(4))
    steps = [torch.zeros(()) for _ in weights]

    def step(_: int) -> None:
        for A, B, out in products:
            torch.mm(A, B, out=out)
        adam(weights, gradients, first, second, [], steps, fused=True, lr=RATE, **OPTIONS)

    return step


def engine(X: Array, h: int, m: int) -> Step:
    """Take this project's step, with a new batch drawn and read each time."""
    batches, trained = Batches(X, 0, m), Engine(initial(X, h), m, SPARSE, RATE)
    return lambda number: trained.step(batches.read(number))


def exercise(X: Array, h: int, m: int) -> Step:
    """Take the exercise's step: a random batch, the objective, autograd, Adam."""
    images = torch.from_numpy(X)
    leaves = Weights(*(weight.requires_grad_() for weight in initial(X, h)))
    optimizer = torch.optim.Adam(list(leaves), lr=RATE)

    def step(_: int) -> None:
        optimizer.zero_grad()
        batch = images[torch.randperm(len(images))[:m]]
        torch.autograd.backward(weigh(get_objective_terms(batch, *leaves), SPARSE))
        optimizer.step()

    return step


def jax(X: Array, h: int, m: int) -> Step:
    """Take the same step in JAX: jit, grad, optax's Adam, donated buffers."""
    import jax as j  # noqa: PLC0415 - an optional extra
    import jax.numpy as jnp  # noqa: PLC0415
    import optax  # noqa: PLC0415

    optimizer = optax.adam(RATE)
    lambd, epsilon, eta = SPARSE

    def loss(weights: Weights[j.Array], batch: j.Array) -> j.Array:
        Z = jnp.maximum(batch @ weights.V + weights.b, 0)
        terms = lambd * Z.sum(1).mean() + epsilon * (1 / Z.mean(0)).sum() + eta * jnp.square(weights.W).sum()
        return jnp.square(batch - Z @ weights.W - weights.a).sum(1).mean() + terms

    def update(weights: Weights[j.Array], state: object, batch: j.Array) -> tuple[Weights[j.Array], object]:
        changes, state = optimizer.update(j.grad(loss)(weights, batch), state)
        return optax.apply_updates(weights, changes), state

    jitted = j.jit(update, donate_argnums=(0, 1))
    weights = Weights(*(jnp.asarray(array) for array in initialize(X.shape[1], h, 0)))
    carried = [weights, optimizer.init(weights)]
    batches = Batches(X, 0, m)

    def step(number: int) -> None:
        carried[:] = jitted(*carried, batches.read(number).numpy())
        j.block_until_ready(carried)

    return step


def ways_table(seconds: float) -> str:
    """Time all ways to take a step at the exercise's size; lay them out as Markdown."""
    X = faces(D)
    steps = {FLOOR: floor(X, H, M), ENGINE: engine(X, H, M), EXERCISE: exercise(X, H, M)}
    if find_spec("jax") and find_spec("optax"):
        steps[JAX] = jax(X, H, M)
    timed = interleave(steps, seconds)
    headers, rows = ["", "ms per step", "min to max", "times the floor", "cores used"], []
    for name, one in timed.items():
        low, middle, high = min(one.milliseconds), median(one.milliseconds), max(one.milliseconds)
        rows.append([name, middle, f"{low:.2f} to {high:.2f}", one.ratio(timed[FLOOR]), one.cores])
    text = tabulate(rows, headers, tablefmt="github", floatfmt=("", ".2f", "", ".2f", ".1f"))
    jaxs = f"takes {timed[ENGINE].ratio(timed[JAX]):.2f} times JAX's" if JAX in timed else "was not timed beside JAX's"
    return f"{text}\n\nA step {jaxs}."


def growth_table(seconds: float) -> str:
    """Time a step and the floor over h, d and m; lay them out as Markdown."""
    rows = []
    for h, d, m in SIZES:
        X = faces(d, m)
        timed = interleave({FLOOR: floor(X, h, m), ENGINE: engine(X, h, m)}, seconds / len(SIZES))
        rows.append([h, d, m, *(median(one.milliseconds) for one in timed.values()), timed[ENGINE].ratio(timed[FLOOR])])
    headers = ["h", "d", "m", "floor, ms", "sparsefaces, ms", "times the floor"]
    return str(tabulate(rows, headers, tablefmt="github", floatfmt=".2f", intfmt=","))


def main() -> None:
    """Measure, print and write everything."""
    if not ONE_THREAD.items() <= os.environ.items():  # libraries read them when they are loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)  # noqa: S606 - this program
    seconds, load = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0, os.getloadavg()[0]
    sections = [
        "# Benchmark",
        "One training step, sparse objective, at h = 400, d = 1036, m = 100 and with one thread, if nothing else is "
        "said; medians over interleaved rounds, ratios round by round; cores used are CPU time over wall time. Made by "
        "`make bench`.",
        f"{cpu_model()}, {os.cpu_count()} cores seen, {torch.backends.cpu.get_cpu_capability()}, torch "
        f"{torch.__version__}; other work of the machine before the start: a load of {load:.1f}.",
        "## Ways to take a step",
        ways_table(seconds),
        "## How a step grows",
        "d is LFW's at `fetch.resize` 0.3, 0.5 and 1.0.",
        growth_table(seconds),
    ]
    text = "\n\n".join(sections) + "\n"
    print(text)
    write_bytes(Path(__file__).parents[1] / "examples" / "benchmark.md", text.encode())


if __name__ == "__main__":
    main()
