"""What a training runs on: the device, and how many threads. Neither changes a result on the CPU."""

import ctypes
import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from statistics import median

import psutil
import torch

from sparsefaces.base.errors import UserError
from sparsefaces.training.outputs import Row

STEPS_PER_TURN, TURNS = 5, 4  # a trial gives each number of threads so many turns of so many steps
STEPS_BETWEEN_TRIALS = 2000  # a neighbour may come or go
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's numbers, see mallopt(3)
KEPT = (2**30, 2**25)  # bytes of the largest array to keep: an older glibc takes the second at most
GAIN = 0.9  # more threads must take less than this share of one thread's time


def choose_device(name: str) -> str:
    """Choose the device that the name, of machine.device, stands for; `auto` is the fastest at hand.

    Raises:
        UserError: The device is not here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, available in here.items() if available)
    if not here[name]:
        raise UserError(f"machine.device is {name}, but torch finds no such device here: set it to auto or cpu")
    return name


def thread_counts() -> list[int]:
    """List the numbers of threads worth trying: 1, 2, 4... up to the physical cores that torch may use."""
    cores = min(psutil.cpu_count(logical=False) or 1, torch.get_num_threads())
    return sorted({2**power for power in range(cores.bit_length())} | {cores})


def threads_of_a_rank() -> int:
    """Share the physical cores among the processes of this machine that torchrun started to train together.

    OMP_NUM_THREADS is each process's own number; torchrun's command sets it to 1 if nobody does.
    """
    if "OMP_NUM_THREADS" in os.environ:
        return torch.get_num_threads()
    return max(1, thread_counts()[-1] // int(os.environ["LOCAL_WORLD_SIZE"]))


def keep_freed_memory() -> None:
    """Let this process keep the memory of large arrays that it frees, where the C library is glibc.

    Each step makes the same arrays anew. Memory that was given back comes again in pages that are cleared one by
    one: up to a quarter of a step's time at the sizes of docs/benchmark.md.
    """
    with suppress(OSError, AttributeError, TypeError):  # another C library, or none that Python finds
        libc = ctypes.CDLL(None)
        any(libc.mallopt(M_MMAP_THRESHOLD, size) for size in KEPT)  # until one is taken
        libc.mallopt(M_TRIM_THRESHOLD, KEPT[0])


class AutoThreads:
    """Times a training's own steps with each number of threads, and goes on with the fastest.

    The number of threads changes no bits, so no step is wasted. One thread is kept unless more of them are
    clearly faster, and the trial is repeated now and then, since other programs come and go.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        """Start a first trial of these numbers of threads, 1 among them."""
        self._plan = _trials(counts)
        self.threads = next(self._plan)
        torch.set_num_threads(self.threads)
        self._last = time.perf_counter()

    def on_step(self, step: int, row: Row | None, engine: object) -> None:
        """Take note of the time of a finished step and set the number of threads of the next one."""
        now = time.perf_counter()
        threads = self._plan.send(now - self._last)
        if threads != self.threads:
            self.threads = threads
            torch.set_num_threads(threads)
        self._last = now


def _trials(counts: Sequence[int]) -> Generator[int, float, None]:
    """Yield the number of threads of each step, and take the seconds that it took."""
    while True:
        times: dict[int, list[float]] = {count: [] for count in counts}
        for _ in range(TURNS):
            for count in counts:
                for turn in range(STEPS_PER_TURN):
                    seconds = yield count
                    if turn:  # the first step wakes the threads up
                        times[count].append(seconds)
        best = fastest(times)
        for _ in range(STEPS_BETWEEN_TRIALS):
            yield best


def fastest(times: Mapping[int, Sequence[float]]) -> int:
    """Choose the number of threads with the shortest median time; 1 unless another clearly gains.

    Args:
        times: Seconds of steps by number of threads, 1 among them.
    """
    medians = {count: median(values) for count, values in times.items()}
    best = min(medians, key=medians.__getitem__)
    return best if medians[best] < GAIN * medians[1] else 1
