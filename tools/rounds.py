"""Interleaved rounds of timed steps, in a process of their own: prints JSON. Usage: rounds.py <what> <seconds>."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
STEPS_A_TURN = 100  # of a contestant in a process of its own: as many as a training draws batches for at once
Round = Callable[[int], tuple[float, float]]  # of its number: milliseconds per step, and cores used
THREADS = torch.get_num_threads()  # what torch takes by itself


def interleave(makers: Mapping[str, Callable[[], Step]], seconds: float, base: str) -> list[dict[str, Any]]:
    """Time contestants by turns for so long.

    Returns:
        For each: median, min and max of the milliseconds a step over rounds, the median over rounds of the
        ratio to the base's of the same round, and the cores that it used; or why it could not be made.
    """
    rounds: dict[str, Round] = {}
    failed: dict[str, str] = {}
    for name, make in makers.items():
        try:
            rounds[name] = round_of(make())
        except Exception as error:  # a library that is not installed, a compiler that is missing
            failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
    return alternate(rounds, failed, seconds, base)


def round_of(step: Step) -> Round:
    """Make rounds of steps, of so many as take a moment."""
    step(0)  # compiles, allocates
    start = time.perf_counter()
    step(1)
    count = max(1, min(STEPS_A_ROUND, int(SECONDS_A_ROUND / (time.perf_counter() - start))))
    return lambda number: timed(step, range(2 + number * count, 2 + (number + 1) * count))


def timed(step: Step, numbers: Sequence[int]) -> tuple[float, float]:
    """Take steps: milliseconds of each, and cores that were used."""
    start, cpu_start = time.perf_counter(), time.process_time()
    for number in numbers:
        step(number)
    seconds = time.perf_counter() - start
    return seconds / len(numbers) * 1000, (time.process_time() - cpu_start) / seconds


def alternate(
    rounds: Mapping[str, Round], failed: Mapping[str, str], seconds: float, base: str
) -> list[dict[str, Any]]:
    """Let each have a round by turns for so long; rows as `interleave`."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in rounds}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken[base]) < 3:
        for name, play in rounds.items():
            taken[name].append(play(len(taken[name])))
    times = {name: [milliseconds for milliseconds, _ in each] for name, each in taken.items()}
    rows = {
        name: summarize(times[name], times[base]) | {"cores": median(cores for _, cores in each)}
        for name, each in taken.items()
    }
    return [{"name": name, **row} for name, row in rows.items()] + [
        {"name": name, "failed": reason} for name, reason in failed.items()
    ]


def summarize(times: Sequence[float], base: Sequence[float]) -> dict[str, float]:
    """Sum up the rounds of one contestant beside the base's."""
    ratios = [mine / other for mine, other in zip(times, base, strict=True)]
    return {"median": median(times), "min": min(times), "max": max(times), "ratio": median(ratios)}


def faces(d: int, n: int = N) -> Array:
    """Make random faces, (n, d)."""
    return np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)


def contest(seconds: float) -> list[dict[str, Any]]:
    """Time contestants at the exercise's size, each in a process of its own: waiting threads disturb others."""
    rounds: dict[str, Round] = {}
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        for name in CONTESTANTS:
            command = [sys.executable, __file__, "one", name]
            process = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
            )
            stack.callback(process.kill)

            def play(number: int, process: subprocess.Popen[str] = process) -> tuple[float, float]:
                assert process.stdin and process.stdout  # noqa: S101 - for the types
                print(number, file=process.stdin, flush=True)
                milliseconds, cores = json.loads(process.stdout.readline())
                return milliseconds, cores

            try:
                play(0)  # compiles, allocates
                rounds[name] = play
            except json.JSONDecodeError:  # it has ended
                failed[name] = "it ended, and has said why"
        return alternate(rounds, failed, 3 * seconds, "floor")


def one(name: str) -> None:
    """Take some of one contestant's steps for each line of the standard input; answer with `timed`'s numbers."""
    step = getattr(contestants, name)(faces(D), H, M)
    for line in sys.stdin:
        first = int(line) * STEPS_A_TURN
        print(json.dumps(timed(step, range(first, first + STEPS_A_TURN))), flush=True)


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
        "growth": grow,
        "faces": grow_faces,
        "neighbour": beside_a_neighbour,
    }
    if sys.argv[1] == "one":
        one(sys.argv[2])
    else:
        print(json.dumps(measures[sys.argv[1]](float(sys.argv[2]))))
