"""What 2 and 3 processes compute together; `main` starts three, and the first of each group writes."""

import multiprocessing
import sys
import time
from datetime import timedelta
from multiprocessing.connection import wait

import numpy as np
import torch
import torch.distributed as dist
from samples import model_params, params

from sparsefaces.base.params import Coefficients
from sparsefaces.training.batches import draw_batch
from sparsefaces.training.engine import Engine
from sparsefaces.training.loop import fit
from sparsefaces.training.parallel import ALONE, Ranks
from sparsefaces.training.weights import Weights, initialize

COUNTS = (2, 3)
LIMIT = 60  # seconds for all of it
SPARSE = Coefficients(1.0, 0.01, 1.0)
ENTROPY = Coefficients(1.0, 1.0, 1.0)  # a hundred times what the exercise gives to what is not linear in the batch
STEPS = 12


def problem(faces):
    """Faces, (faces, 5), and weights of 4 units, of float64."""
    generator = torch.Generator().manual_seed(0)
    X, V, W, b, a = (
        torch.randn(*size, generator=generator, dtype=torch.float64)
        for size in ((faces, 5), (5, 4), (4, 5), (4,), (5,))
    )
    return X, Weights(V, W, b, a)


def with_silent_units():
    """Unit 1 is silent, and unit 0 but for the last two faces: other processes' parts are silent on it."""
    X, weights = problem(11)
    weights.b[1] = -1e6
    weights.V[:, 0] = torch.eye(5, dtype=torch.float64)[0]
    weights.b[0] = 0
    X[:, 0] = -1
    X[-2:, 0] = 1
    return X, weights


CASES = {
    "equal parts": lambda: problem(12),
    "unequal parts": lambda: problem(7),
    "a face each at most": lambda: problem(4),
    "silent units": with_silent_units,
}


def terms_and_gradients(case, ranks=ALONE):
    """Compute the terms of the objective, and the gradient of the loss, on a whole batch."""
    X, weights = CASES[case]()
    engine = Engine(weights, len(X), ENTROPY, 1e-3, ranks=ranks)
    mine = X[ranks.part(len(X))]
    engine.forward(mine)
    engine.backward(mine)
    named = engine.terms()._asdict() | engine.gradients._asdict()
    return {name: tensor.numpy().copy() for name, tensor in named.items()} | {"l0": np.float64(engine.active_units())}


def data():
    return np.random.default_rng(0).standard_normal((150, 60)).astype(np.float32)


def trajectory(ranks=ALONE):
    """Take some steps in float64 and return the weights."""
    X = torch.from_numpy(data()).double()
    weights = Weights(*(torch.from_numpy(array).double() for array in initialize(60, 25, seed=0)))
    engine = Engine(weights, 20, SPARSE, 1e-3, ranks=ranks)
    for step in range(STEPS):
        engine.step(X[draw_batch(0, step, len(X), 20)[ranks.part(20)]])
    return {name: tensor.numpy() for name, tensor in engine.weights._asdict().items()}


def trained(ranks=ALONE, **how):
    """Train as a stage does, in float32, and return the weights and the history."""
    sizes = params(iterations=STEPS, batch_size=20, learning_rate=1e-3)
    model, history = fit(data(), sizes, model_params(**how), ranks=ranks)
    columns = {name: np.array([row[name] for row in history]) for name in history[0]}
    return model.weights._asdict() | columns


def trained_topk(ranks=ALONE):
    """Train a top-k model as a stage does."""
    return trained(ranks, lambd=0.0, activation="topk", k=5)


def compute(ranks):
    """Compute everything, by name."""
    found = {case: terms_and_gradients(case, ranks) for case in CASES}
    return found | {"trajectory": trajectory(ranks), "trained": trained(ranks), "trained_topk": trained_topk(ranks)}


def leave_results(rank, folder):
    """Compute everything in groups of several processes, this one among them; the first of each group saves it."""
    # A file to meet at: no port that another program could take meanwhile.
    limit = timedelta(seconds=LIMIT)
    dist.init_process_group("gloo", f"file://{folder}/met", rank=rank, world_size=max(COUNTS), timeout=limit)
    for count in COUNTS:
        group = dist.new_group(range(count))
        if rank >= count:
            continue
        for name, arrays in compute(Ranks(rank, count, group)).items():
            if rank == 0:
                np.savez(folder / f"{name} {count}.npz", **arrays)
    dist.destroy_process_group()


def main(folder):
    """Run three processes; one that fails ends all of them at once, and so does the limit."""
    # Forked, so that torch is imported once; nothing has used its threads yet.
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=leave_results, args=(rank, folder), daemon=True) for rank in range(max(COUNTS))]
    for process in processes:
        process.start()
    end = time.monotonic() + LIMIT
    running = {process.sentinel: process for process in processes}
    while running:
        ended = wait(running, timeout=end - time.monotonic())
        over = [running.pop(sentinel) for sentinel in ended]
        for process in over:
            process.join()  # a sentinel may be ready a moment before the exit code is there
        if not ended or any(process.exitcode for process in over):
            for process in processes:
                process.kill()
            sys.exit(1)
