"""What takes long, all at once: each in a process of its own with one thread, or found in the cache."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from multiprocessing.sharedctypes import Synchronized
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from sparsefaces.base.cache import Arrays, cached, load_cached
from sparsefaces.base.errors import UserError
from sparsefaces.base.progress import Progress

SECONDS_BETWEEN_LOOKS = 0.2
_steps: "Synchronized[int]"  # in a job's process: the steps of all of them


class Job(NamedTuple):
    """Arrays that are made once.

    Attributes:
        name: What they are cached under.
        key: What they depend on, from `key_of`.
        label: What is said of it.
        make: A function of a module's, which a process of its own can import.
        arguments: What it is given.
        steps: How many `count_steps` will be told of.
    """

    name: str
    key: str
    label: str
    make: Callable[..., Arrays]
    arguments: tuple[Any, ...]
    steps: int = 0


def run_jobs(jobs: Mapping[str, Job]) -> dict[str, Arrays]:
    """Find or make the arrays of every job; those that take longest should come first.

    Raises:
        UserError: A job ends in one, or its process is killed.
    """
    found = {name: load_cached(job.name, job.key) for name, job in jobs.items()}
    made = _make({name: jobs[name] for name, arrays in found.items() if arrays is None})
    return {name: arrays if arrays is not None else made[name] for name, arrays in found.items()}


def _make(jobs: Mapping[str, Job]) -> dict[str, Arrays]:
    if not jobs:
        return {}
    context = multiprocessing.get_context("spawn")  # threads do not survive a fork
    steps = context.Value("q", 0)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ProcessPoolExecutor(min(len(jobs), cores), context, _start, (steps,)) as pool:
        try:
            with _without_script(), _without_interruptions():
                futures = {name: pool.submit(_run, job) for name, job in jobs.items()}
                # A pool may overlook that the process which it started last is killed, until it is given more to do:
                # it looks for new ones before it starts one for what was submitted (seen in CPython 3.11.7 and later).
                pool.submit(int)
            _show_progress(futures.values(), steps, sum(job.steps for job in jobs.values()))
            return {name: future.result() for name, future in futures.items()}
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            if isinstance(error, BrokenProcessPool):
                labels = ", ".join(job.label for job in jobs.values())
                raise UserError(
                    f"a process was killed ({labels}), by the system if memory was short: close other programs "
                    "or lower analyze.most_faces or fetch.resize, and run it again"
                ) from None
            raise


@contextmanager
def _without_script() -> Iterator[None]:
    """Hide the script's file from processes that start within the block, or each would import all that it does."""
    main = sys.modules["__main__"].__dict__
    file = main.pop("__file__", None)
    try:
        yield
    finally:
        if file is not None:
            main["__file__"] = file


@contextmanager
def _without_interruptions() -> Iterator[None]:
    """Let processes that start within the block leave Ctrl-C to their parent, from their first import on."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _show_progress(futures: Collection[Future[Arrays]], steps: "Synchronized[int]", total: int) -> None:
    counted, pending = 0, set(futures)
    with closing(Progress("Training again", total)) as progress:
        while pending:
            done, pending = wait(pending, SECONDS_BETWEEN_LOOKS)
            for future in done:
                future.result()  # raises at once what ended it
            if (steps_so_far := steps.value) > counted:  # fits count none
                progress.update(steps_so_far - counted)
                counted = steps_so_far


def _start(steps: "Synchronized[int]") -> None:
    """Prepare a process: it leaves interruptions to its parent."""
    global _steps  # noqa: PLW0603 - how a pool hands shared memory to its processes
    _steps = steps
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _run(job: Job) -> Arrays:
    with threadpool_limits(1, user_api="blas"):
        return cached(job.name, job.key, lambda: job.make(*job.arguments), job.label)


def count_steps(steps: int) -> None:
    """Count steps of a job, within its process, which ends here if its parent has."""
    with _steps.get_lock():
        _steps.value += steps
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        os._exit(1)
