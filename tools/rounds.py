"""Interleaved rounds of timed steps, in a process of their own: prints JSON. Usage: rounds.py <what> <seconds>."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from statistics import median
from typing import Any, Literal

import contestants
import numpy as np
import torch
from contestants import Step
from floor import rates

from sparsefaces.base.arrays import Array
from sparsefaces.base.params import TrainParams
from sparsefaces.training.device import AutoThreads, thread_counts
from sparsefaces.training.loop import fit

H, D, M, N = 400, 1036, 100, 13_233
CONTESTANTS = ("floor", "engine_with_batches", "engine_on_blas", "engine_on_onednn")
CONTESTANTS += ("exercise", "exercise_fused", "compiled", "scikit_learn", "jax")
SPIN = "while True: pass"
STEPS_A_ROUND, SECONDS_A_ROUND, STRETCH = 20, 0.2, 200
THREADS = torch.get_num_threads()  # what torch takes by itself


def interleave(
    makers: Mapping[str, Callable[[], Step]], seconds: float, base: str, longer: int = 1
) -> list[dict[str, Any]]:
    """Time contestants by turns for so long, and rounds so many times as long as usual.

    Returns:
        For each: median, min and max of the milliseconds a step over rounds, the median over rounds of the
        ratio to the base's of the same round, and the cores that it used; or why it could not be made.
    """
    steps: dict[str, Step] = {}
    counts: dict[str, int] = {}
    failed: dict[str, str] = {}
    for name, make in makers.items():
        try:
            step = make()
            step(0)  # compiles, allocates
            start = time.perf_counter()
            step(1)
            counts[name] = longer * max(1, min(STEPS_A_ROUND, int(SECONDS_A_ROUND / (time.perf_counter() - start))))
            steps[name] = step
        except Exception as error:  # a library that is not installed, a compiler that is missing
            failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
    times: dict[str, list[float]] = {name: [] for name in steps}
    cores: dict[str, list[float]] = {name: [] for name in steps}
    first, end = 2, time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[base]) < 3:
        for name, step in steps.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            for number in range(first, first + counts[name]):
                step(number)
            seconds_taken = time.perf_counter() - start
            times[name].append(seconds_taken / counts[name] * 1000)
            cores[name].append((time.process_time() - cpu_start) / seconds_taken)
        first += longer * STEPS_A_ROUND
    return [
        {"name": name, "failed": failed[name]}
        if name in failed
        else {"name": name, **summarize(times[name], times[base]), "cores": median(cores[name])}
        for name in makers
    ]


def summarize(times: Sequence[float], base: Sequence[float]) -> dict[str, float]:
    """Sum up the rounds of one contestant beside the base's."""
    ratios = [mine / other for mine, other in zip(times, base, strict=True)]
    return {"median": median(times), "min": min(times), "max": max(times), "ratio": median(ratios)}


def faces(d: int, n: int = N) -> Array:
    """Make random faces, (n, d)."""
    return np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)


def contest(seconds: float, names: Sequence[str] = CONTESTANTS, longer: int = 1) -> list[dict[str, Any]]:
    """Time contestants at the exercise's size."""
    X = faces(D)
    makers = {name: lambda name=name: getattr(contestants, name)(X, H, M) for name in names}
    return interleave(makers, seconds, "floor", longer)


def contest_of_three(seconds: float) -> list[dict[str, Any]]:
    """Time those that are compared as they run alone: a library's waiting threads take time from the next one's."""
    return contest(2 * seconds, ("floor", "engine_with_batches", "jax"), longer=20)


def multiply(_: float) -> list[dict[str, Any]]:
    """Measure the products of a step at the exercise's size, by library."""
    return rates(faces(D, M), H, M)


def grow(seconds: float) -> list[dict[str, Any]]:
    """Time the engine and the floor over h, d and m."""
    rows = []
    sizes = list(product((100, 400, 1600), (1036, 2914, 11_750), (100, 1000)))
    for h, d, m in sizes:
        X = faces(d, m)
        makers = {name: lambda name=name: getattr(contestants, name)(X, h, m) for name in ("floor", "engine")}  # noqa: B023
        for row in interleave(makers, seconds / len(sizes), "floor"):
            rows.append(row | {"contestant": row["name"], "products": 5 * m * h * d, "h": h, "d": d, "m": m})
            rows[-1]["name"] = f"h = {h}, d = {d:,}, m = {m}: {row['name']}"
    return rows


def grow_faces(seconds: float) -> list[dict[str, Any]]:
    """Time the engine, drawing its batches, over the number of faces, beside the smallest."""
    counts = (1_000, 10_000, 100_000)
    makers = {str(n): lambda n=n: contestants.engine_with_batches(faces(D, n), H, M) for n in counts}
    return [row | {"name": f"N = {int(row['name']):,}"} for row in interleave(makers, seconds, str(counts[0]))]


def stretch(X: Array, threads: int | Literal["auto"]) -> Step:
    """Make a stretch of a training with a setting of machine.threads, from its start."""
    values = {"seed": 0, "iterations": STRETCH, "log_every": 100, "hidden_units": H, "batch_size": M}
    params = TrainParams(
        learning_rate=1e-4, learning_rate_schedule="constant", epsilon_per_lambda=0.01, eta_per_lambda=1.0, **values
    )

    def run(_: int) -> None:
        torch.set_num_threads(1 if threads == 1 else THREADS)
        callbacks = [AutoThreads(thread_counts()).on_step] if threads == "auto" else []
        fit(X, params, 1.0, callbacks=callbacks)

    return run


def exercise_stretch(X: Array) -> Step:
    """Make as many steps of the exercise's loop, with as many threads as torch takes by itself."""
    step = contestants.exercise(X, H, M)

    def run(_: int) -> None:
        torch.set_num_threads(THREADS)
        for number in range(STRETCH):
            step(number)

    return run


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Keep one core busy."""
    process = subprocess.Popen([sys.executable, "-c", SPIN])  # noqa: S603 - fixed words
    try:
        yield
    finally:
        process.kill()
        process.wait()


def beside_a_neighbour(seconds: float) -> list[dict[str, Any]]:
    """Time one thread, the default and the exercise's loop beside a busy neighbour."""
    X = faces(D)
    makers = {
        "one_thread": lambda: stretch(X, 1),
        "training": lambda: stretch(X, "auto"),
        "exercise": lambda: exercise_stretch(X),
    }
    with busy_neighbour():
        rows = interleave(makers, seconds, "one_thread")
    for row in rows:  # of a stretch, not of a step
        row |= {key: row[key] / STRETCH for key in ("median", "min", "max")}
    return rows


if __name__ == "__main__":
    measures = {
        "products": multiply,
        "contestants": contest,
        "three": contest_of_three,
        "growth": grow,
        "faces": grow_faces,
        "neighbour": beside_a_neighbour,
    }
    print(json.dumps(measures[sys.argv[1]](float(sys.argv[2]))))
