"""Time a training step beside its floor and other ways to take it: interleaved rounds, medians, ratios.

Writes examples/benchmark.md. Usage: python tools/bench.py [seconds per table, 30]
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import psutil
import torch
from tabulate import tabulate
from torch import Tensor
from torch.optim.adam import adam

from sparsefaces.base.arrays import Array
from sparsefaces.base.files import write_bytes
from sparsefaces.base.params import Coefficients
from sparsefaces.tracking.description import cpu_model
from sparsefaces.training.activations import RELU, Activation
from sparsefaces.training.batches import Batches
from sparsefaces.training.engine import Engine
from sparsefaces.training.objective import get_objective_terms, weigh
from sparsefaces.training.products import LIBRARIES, choose_products, onednn_works
from sparsefaces.training.weights import Weights, initialize

# NPROC is the size of JAX's pool of threads, which no flag of XLA's makes smaller.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1")
H, D, M, N = 400, 1036, 100, 13_233  # the exercise's units, pixels, batch and faces
SIZES = ((H, D, M), (100, D, M), (1600, D, M), (H, 2914, M), (H, 11_750, M), (H, D, 1000), (1600, 11_750, M))
RATE, SPARSE = 1e-4, Coefficients(1.0, 0.01, 1.0)
SECONDS_A_ROUND, FEWEST_ROUNDS, LARGE = 0.1, 3, 3000
OPTIONS = {"beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0, "eps": 1e-8, "amsgrad": False, "maximize": False}
FLOOR, ENGINE = "floor: five products and one pass of Adam", "sparsefaces, drawing its batches"
JAX, TOP_K = "JAX, jit and optax", "sparsefaces, top-k 40"

Step = Callable[[int], object]  # of its number
Sizes = tuple[int, int, int]  # h, d, m
Multiply = Callable[[Tensor, Tensor, Tensor], object]
Operands = tuple[Tensor, Tensor, Tensor]  # A, B and where A B may be written


class Timed(NamedTuple):
    """A contestant's milliseconds per step, one per round, and its CPU time over wall time; or why it has none."""

    milliseconds: list[float]
    cores: float = 0.0
    failed: str = ""

    def ratio(self, base: "Timed") -> float:
        """Compare with another contestant, round by round: the median of the ratios."""
        return median(mine / other for mine, other in zip(self.milliseconds, base.milliseconds, strict=True))


def interleave(makers: Mapping[str, Callable[[], Step]], seconds: float) -> dict[str, Timed]:
    """Time contestants by turns for so long."""
    steps: dict[str, tuple[Step, int]] = {}
    failed: dict[str, str] = {}
    for name, make in makers.items():
        try:
            step = make()
            step(0)  # compiles, allocates
            steps[name] = step, max(1, int(SECONDS_A_ROUND / run(step, range(1, 2))[0]))
        except Exception as error:  # a library that is not installed, a compiler that is missing
            failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    end, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or number < FEWEST_ROUNDS:
        for name, (step, count) in steps.items():
            wall, cpu = run(step, range(2 + number * count, 2 + (number + 1) * count))
            rounds[name].append((1000 * wall / count, cpu / wall))
        number += 1
    timed = {name: Timed([one[0] for one in taken], median(one[1] for one in taken)) for name, taken in rounds.items()}
    return {name: timed[name] if name in timed else Timed([], failed=failed[name]) for name in makers}


def run(step: Step, numbers: range) -> tuple[float, float]:
    """Take steps; return the seconds of wall and of CPU time."""
    torch.set_num_threads(1)  # also after one that takes more
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


def libraries() -> dict[str, Multiply]:
    """List all that can multiply here: what trainings choose from, and what NumPy brings."""
    found: dict[str, Multiply] = {"NumPy's BLAS": lambda A, B, out: np.matmul(A.numpy(), B.numpy(), out=out.numpy())}
    found["torch's BLAS"] = lambda A, B, out: LIBRARIES["blas"].multiply(A, B, 1.0, out)
    if onednn_works():
        found["oneDNN"] = lambda A, B, out: LIBRARIES["onednn"].multiply(A, B, 1.0, out)
    return found


def operands(X: Array, h: int, m: int) -> dict[str, Operands]:
    """Name the products of a step on m faces of X, (N, d), as a step has them: some are of transposed views."""
    batch, V, W = torch.from_numpy(X[:m].copy()), initial(X, h).V, torch.rand(h, X.shape[1])
    Z, R = torch.rand(m, h), torch.rand(m, X.shape[1])
    pairs = {"X V": (batch, V), "Z W": (Z, W), "Z' R": (Z.T, R), "R W'": (R, W.T), "X' G": (batch.T, Z)}
    return {name: (A, B, torch.empty(len(A), B.shape[1])) for name, (A, B) in pairs.items()}


def trials(each: Operands) -> dict[str, float]:
    """Time a product by each library: medians in milliseconds."""
    makers = {name: lambda multiply=multiply: lambda _: multiply(*each) for name, multiply in libraries().items()}
    return {name: median(timed.milliseconds) for name, timed in interleave(makers, 0.3).items()}


def floor(X: Array, h: int, m: int) -> Step:
    """Make the least that a step needs: each product by what is fastest in a trial, and Adam's fused pass."""
    chosen = []
    for each in operands(X, h, m).values():
        taken = trials(each)
        chosen.append((libraries()[min(taken, key=taken.__getitem__)], each))
    weights, gradients, first, second = (list(initial(X, h)) for _ in range(4))
    steps = [torch.zeros(()) for _ in weights]

    def step(_: int) -> None:
        for multiply, each in chosen:
            multiply(*each)
        adam(weights, gradients, first, second, [], steps, fused=True, lr=RATE, **OPTIONS)

    return step


def engine(X: Array, h: int, m: int, library: str = "auto", *, threads: int = 1, activation: Activation = RELU) -> Step:
    """Take this project's step, with a new batch drawn and read each time."""
    batches, products = Batches(X, 0, m), choose_products(library, "cpu")
    trained = Engine(initial(X, h), m, SPARSE, RATE, activation=activation, products=products)

    def step(number: int) -> None:
        torch.set_num_threads(threads)
        trained.step(batches.read(number))

    return step


def exercise(X: Array, h: int, m: int, *, fused: bool | None = None, compiled: bool = False) -> Step:
    """Take the exercise's step: a random batch, the objective, autograd, Adam."""
    images = torch.from_numpy(X)
    leaves = Weights(*(weight.requires_grad_() for weight in initial(X, h)))
    optimizer = torch.optim.Adam(list(leaves), lr=RATE, fused=fused)

    def loss(batch: Tensor, *weights: Tensor) -> Tensor:
        return weigh(get_objective_terms(batch, *weights), SPARSE)

    objective = torch.compile(loss) if compiled else loss

    def step(_: int) -> None:
        optimizer.zero_grad()
        torch.autograd.backward(objective(images[torch.randperm(len(images))[:m]], *leaves))
        optimizer.step()

    return step


def scikit_learn(X: Array, h: int, m: int) -> Step:
    """Take a step of MLPRegressor on the same shapes: the dense objective only (mean squared error)."""
    from sklearn.neural_network import MLPRegressor  # noqa: PLC0415 - as JAX below, only where it is timed

    model = MLPRegressor(hidden_layer_sizes=(h,), alpha=0.0, batch_size=m, learning_rate_init=RATE)
    return lambda step: model.partial_fit(batch := X[(np.arange(m) + step * m) % len(X)], batch)


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


def rates() -> str:
    """Tabulate what each library makes of each product of a step, and of one large product, in GFLOP/s."""
    large = (torch.rand(LARGE, LARGE), torch.rand(LARGE, LARGE), torch.empty(LARGE, LARGE))
    rows = []
    for name, each in (operands(faces(D, M), H, M) | {f"{LARGE} x {LARGE}": large}).items():
        operations = 2e-6 * each[0].numel() * each[1].shape[1]
        rows.append([name, *(operations / taken for taken in trials(each).values())])
    return str(tabulate(rows, ["GFLOP/s", *libraries()], tablefmt="github", floatfmt=".0f"))


def contestants() -> dict[str, Callable[[], Step]]:
    """Name all ways to take a step, at the exercise's size."""
    X, cores = faces(D), psutil.cpu_count(logical=False) or 1
    return {
        FLOOR: lambda: floor(X, H, M),
        ENGINE: lambda: engine(X, H, M),
        "the same by torch's BLAS": lambda: engine(X, H, M, "blas"),
        f"the same by torch's BLAS, {cores} threads": lambda: engine(X, H, M, "blas", threads=cores),
        TOP_K: lambda: engine(X, H, M, activation=Activation("topk", 40)),
        "the same by oneDNN": lambda: engine(X, H, M, "onednn"),
        "the exercise's loop: autograd, Adam": lambda: exercise(X, H, M),
        "the exercise's loop, Adam(fused=True)": lambda: exercise(X, H, M, fused=True),
        "the same under torch.compile": lambda: exercise(X, H, M, fused=True, compiled=True),
        JAX: lambda: jax(X, H, M),
        "scikit-learn's MLPRegressor (dense objective)": lambda: scikit_learn(X, H, M),
    }


def growth(seconds: float) -> dict[Sizes, dict[str, Timed]]:
    """Time a step and the floor over h, d and m."""
    timed = {}
    for h, d, m in SIZES:
        X = faces(d, m)
        makers = {FLOOR: lambda: floor(X, h, m), ENGINE: lambda: engine(X, h, m)}  # noqa: B023 - made at once
        timed[h, d, m] = interleave(makers, seconds / len(SIZES))
    return timed


def table(timed: Mapping[str, Timed]) -> str:
    """Lay contestants out as Markdown; the ratios are to the floor."""
    lines = ["| | ms per step | min to max | times the floor | cores used |", "|---|---:|---:|---:|---:|"]
    for name, one in timed.items():
        cells = f"not run: {one.failed} | | | "
        if not one.failed:
            low, middle, high = min(one.milliseconds), median(one.milliseconds), max(one.milliseconds)
            cells = f"{middle:.2f} | {low:.2f} to {high:.2f} | {one.ratio(timed[FLOOR]):.2f} | {one.cores:.1f}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def growth_table(grown: Mapping[Sizes, Mapping[str, Timed]]) -> str:
    """Lay the growth out as Markdown."""
    pairs = [(sizes, timed[FLOOR], timed[ENGINE]) for sizes, timed in grown.items()]
    rows = [[*at, median(base.milliseconds), median(mine.milliseconds), mine.ratio(base)] for at, base, mine in pairs]
    headers = ["h", "d", "m", "floor, ms", "sparsefaces, ms", "times the floor"]
    return str(tabulate(rows, headers, tablefmt="github", floatfmt=".2f", intfmt=","))


def main() -> None:
    """Measure, print and write everything."""
    if not ONE_THREAD.items() <= os.environ.items():  # libraries read them when they are loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)  # noqa: S606 - this program
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    timed, grown = interleave(contestants(), seconds), growth(seconds)
    mine, peer = timed[ENGINE], timed[JAX]
    sections = [
        "# Benchmark",
        "One training step, sparse objective, at h = 400, d = 1036, m = 100 and with one thread, if nothing else is "
        "said; medians over interleaved rounds, ratios round by round; cores used are CPU time over wall time. Made by "
        "`make bench`.",
        f"{cpu_model()}, {os.cpu_count()} cores seen, {torch.backends.cpu.get_cpu_capability()}, torch "
        f"{torch.__version__}; other work of the machine before the start: a load of {os.getloadavg()[0]:.1f}.",
        "## Ways to take a step",
        table(timed),
        "JAX was not timed." if peer.failed else f"A step takes {mine.ratio(peer):.2f} times JAX's.",
        "## Products by library",
        f"`machine.products: auto` takes {choose_products('auto', 'cpu').name} here.",
        rates(),
        "## How a step grows",
        "d is LFW's at `fetch.resize` 0.3, 0.5 and 1.0.",
        growth_table(grown),
    ]
    text = "\n\n".join(sections) + "\n"
    print(text)
    write_bytes(Path(__file__).parents[1] / "examples" / "benchmark.md", text.encode())


if __name__ == "__main__":
    main()
