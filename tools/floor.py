"""The floor under a training step: its five products, each by the fastest library at hand, and one pass of Adam."""

import time
from collections.abc import Callable, Mapping
from statistics import median

import numpy as np
import torch
from torch import Tensor

from sparsefaces.base.arrays import Array
from sparsefaces.training.products import LIBRARIES, onednn_works
from sparsefaces.training.weights import initialize

Multiply = Callable[[Tensor, Tensor, Tensor], object]
Operands = tuple[Tensor, Tensor, Tensor]  # A, B and where A B may be written
SECONDS_OF_TRIALS, FEWEST_TRIALS = 0.2, 3  # per product
LARGE = 3000
RATE = 1e-4


def libraries() -> dict[str, Multiply]:
    """List all that can multiply here: what trainings choose from, and what NumPy brings."""
    found: dict[str, Multiply] = {"NumPy's BLAS": lambda A, B, out: np.matmul(A.numpy(), B.numpy(), out=out.numpy())}
    found["torch's BLAS"] = lambda A, B, out: LIBRARIES["blas"].multiply(A, B, 1.0, out)
    if onednn_works():
        found["oneDNN"] = lambda A, B, out: LIBRARIES["onednn"].multiply(A, B, 1.0, out)
    return found


def operands(X: Array, h: int, m: int) -> dict[str, Operands]:
    """Name the products of a step on m faces of X, (N, d), as a step has them: two are of transposed views."""
    batch = torch.from_numpy(X[:m].copy())
    V, W = torch.from_numpy(initialize(X.shape[1], h, 0).V), torch.rand(h, X.shape[1])
    Z, R = torch.rand(m, h), torch.rand(m, X.shape[1])
    pairs = {"X V": (batch, V), "Z W": (Z, W), "Z' R": (Z.T, R), "R W'": (R, W.T), "X' G": (batch.T, Z)}
    return {name: (A, B, torch.empty(len(A), B.shape[1])) for name, (A, B) in pairs.items()}


def trials(operands: Operands) -> dict[str, float]:
    """Time each library's product by turns: medians in seconds."""
    found = libraries()
    for multiply in found.values():
        multiply(*operands)  # makes what it keeps
    times: Mapping[str, list[float]] = {name: [] for name in found}
    end = time.perf_counter() + SECONDS_OF_TRIALS
    while time.perf_counter() < end or len(times["torch's BLAS"]) < FEWEST_TRIALS:
        for name, multiply in found.items():
            start = time.perf_counter()
            multiply(*operands)
            times[name].append(time.perf_counter() - start)
    return {name: median(taken) for name, taken in times.items()}


def floor(X: Array, h: int, m: int) -> Callable[[int], object]:
    """Make the step: each product by what was fastest in a trial, and Adam's fused pass over all parameters."""
    chosen = []
    for each in operands(X, h, m).values():
        taken = trials(each)
        chosen.append((libraries()[min(taken, key=taken.__getitem__)], each))
    weights = [torch.from_numpy(array) for array in initialize(X.shape[1], h, 0)]
    sets = [weights, *([torch.full_like(weight, 1e-3) for weight in weights] for _ in ("gradients", "first", "second"))]
    steps = [torch.ones(()) for _ in weights]
    options = {"lr": RATE, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0, "eps": 1e-8}

    def step(_: int) -> None:
        for multiply, each in chosen:
            multiply(*each)
        torch._fused_adam_(*sets, [], steps, amsgrad=False, maximize=False, **options)  # what Adam(fused=True) calls

    return step


def rates(X: Array, h: int, m: int) -> list[dict[str, float | str]]:
    """Measure what each library makes of each product, and of one large square product, in GFLOP/s.

    Returns:
        One row per product, the large one last: its `name`, and by library the GFLOP/s. The best of the last row
        is the processor's peak as far as any library at hand reaches it.
    """
    large = (torch.rand(LARGE, LARGE), torch.rand(LARGE, LARGE), torch.empty(LARGE, LARGE))
    rows: list[dict[str, float | str]] = []
    for name, each in (operands(X, h, m) | {f"{LARGE} x {LARGE}": large}).items():
        A, B, _ = each
        operations = 2e-9 * len(A) * A.shape[1] * B.shape[1]
        rows.append({"name": name} | {library: operations / taken for library, taken in trials(each).items()})
    return rows
