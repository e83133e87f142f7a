"""What takes long, several at a time by joblib: each in a process with one thread, or found in `.scratch`."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from joblib import Memory, Parallel, cpu_count, delayed, parallel_config

from sparsefaces.base.cache import Arrays, scratch_path
from sparsefaces.base.progress import heartbeat, say


class Job(NamedTuple):
    """Arrays that are made once for all experiments.

    Attributes:
        label: What is said of it.
        make: A function of a module's, which another process can import.
        arguments: What it is given, and found by.
    """

    label: str
    make: Callable[..., Arrays]
    arguments: tuple[Any, ...]


def run_jobs(jobs: Mapping[str, Job]) -> dict[str, Arrays]:
    """Find or make the arrays of every job; those that take longest should come first."""
    try:
        return _run(jobs, Memory(scratch_path("made"), verbose=0))
    except OSError:  # such as another user's cache, which cannot be renewed
        return _run(jobs, Memory(None, verbose=0))


def _run(jobs: Mapping[str, Job], memory: Memory) -> dict[str, Arrays]:
    makers = {name: memory.cache(job.make) for name, job in jobs.items()}
    todo = {name: job.label for name, job in jobs.items() if not makers[name].check_call_in_cache(*job.arguments)}
    for label in todo.values():
        say(f"{label} (once; kept in .scratch)" if memory.store_backend else label)
    made = {}
    with parallel_config("loky", inner_max_num_threads=1), heartbeat(lambda: next(iter(todo.values()), "Reading")):
        run = Parallel(min(len(jobs), cpu_count()), max_nbytes=None, return_as="generator")
        ready = run(delayed(makers[name])(*job.arguments) for name, job in jobs.items())
        for name, arrays in zip(jobs, ready, strict=True):
            made[name] = arrays
            todo.pop(name, None)
    memory.reduce_size(age_limit=timedelta(days=30))
    return made
