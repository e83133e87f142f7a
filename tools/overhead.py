"""Time what keeps watch over a training: checkpoints, and tracking in MLflow. Usage: overhead.py [iterations] [rounds].

Trains on stages/standardize/X.npy, one thread, by turns: alone, with checkpoints, and with tracking into a new SQLite
store; the clock runs from an open run to its end. CPU time counts the background too, which costs no wall time while
a core is free. Nothing of it stays.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from tempfile import TemporaryDirectory

import torch

from sparsefaces.base.interrupts import Interruption
from sparsefaces.base.params import load_params
from sparsefaces.standardize.dataset import load_dataset
from sparsefaces.tracking.pictures import LivePictures
from sparsefaces.tracking.runs import track
from sparsefaces.tracking.stages import describe_training
from sparsefaces.training.checkpoints import Checkpoints
from sparsefaces.training.loop import fit

STAGE = "train_sparse"
PARAMS, DATA = load_params(), load_dataset()


def alone(stack: ExitStack) -> list[Callable[..., None]]:
    """Callback nothing."""
    return []


def checkpoints(stack: ExitStack) -> list[Callable[..., None]]:
    """Write checkpoints as often as params.yaml says."""
    interruption = stack.enter_context(Interruption())
    written = Checkpoints("overhead", {}, PARAMS.machine.checkpoint_every, interruption)
    stack.callback(written.delete)
    return [written.on_step]


def tracking(stack: ExitStack) -> list[Callable[..., None]]:
    """Track as a stage does."""
    run = stack.enter_context(track(describe_training(STAGE, PARAMS, DATA)))
    return [run.on_step, LivePictures(run, DATA, PARAMS.tracking, PARAMS.train.iterations).on_step]


def measure(variant: Callable[[ExitStack], list[Callable[..., None]]], iterations: int) -> tuple[float, float]:
    """Train once; return seconds of wall and of CPU time."""
    params = PARAMS.train.model_copy(update={"iterations": iterations})
    with TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder  # where the store and checkpoints go
        with ExitStack() as stack:
            callbacks = variant(stack)
            start, cpu_start = time.perf_counter(), time.process_time()
            fit(DATA.training, params, PARAMS.of_model(STAGE).lambd, callbacks=callbacks)
        return time.perf_counter() - start, time.process_time() - cpu_start


def main() -> None:
    """Print a table in Markdown."""
    iterations, rounds = (int(value) for value in (*sys.argv[1:], *("10001", "3")[len(sys.argv) - 1 :]))
    torch.set_num_threads(1)
    variants = (alone, checkpoints, tracking)
    measured: dict[str, list[tuple[float, float]]] = {variant.__name__: [] for variant in variants}
    for _ in range(rounds):
        for variant in variants:
            measured[variant.__name__].append(measure(variant, iterations))
    print(f"{iterations} iterations, medians of {rounds} interleaved rounds\n")
    print("| | wall, s | CPU, s | wall, times alone | CPU, times alone |\n|---|---:|---:|---:|---:|")
    for name, times in measured.items():
        seconds = [median(column) for column in zip(*times, strict=True)]
        pairs = [zip(mine, other, strict=True) for mine, other in zip(times, measured["alone"], strict=True)]
        ratios = [median(column) for column in zip(*([a / b for a, b in pair] for pair in pairs), strict=True)]
        print(f"| {name} | {' | '.join(f'{x:.2f}' for x in seconds)} | {' | '.join(f'{x:.3f}' for x in ratios)} |")


if __name__ == "__main__":
    main()
