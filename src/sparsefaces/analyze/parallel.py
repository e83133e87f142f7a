"""What takes long, several at a time by joblib: each in a process with one thread, or found in `.scratch`."""

import re
from collections.abc import Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from typing import Any, NamedTuple

from joblib import Memory, Parallel, cpu_count, delayed, parallel_config

from sparsefaces.base.cache import Arrays, scratch_path
from sparsefaces.base.errors import UserError
from sparsefaces.base.progress import say


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
    """Find or make the arrays of every job; those that take longest should come first.

    Raises:
        UserError: The process of a job ends early.
    """
    try:
        return _run(jobs, Memory(scratch_path("made"), verbose=0))
    except OSError:  # such as another user's cache, which cannot be renewed
        return _run(jobs, Memory(None, verbose=0))


def _run(jobs: Mapping[str, Job], memory: Memory) -> dict[str, Arrays]:
    makers = {name: memory.cache(job.make) for name, job in jobs.items()}
    for name, job in jobs.items():
        if not makers[name].check_call_in_cache(*job.arguments):
            say(f"{job.label} (once; kept in .scratch)" if memory.store_backend else job.label)
    try:
        with parallel_config("loky", inner_max_num_threads=1):
            run = Parallel(min(len(jobs), cpu_count()), max_nbytes=None)
            made = run(delayed(makers[name])(*job.arguments) for name, job in jobs.items())
    except BrokenProcessPool as error:
        code = re.sub(r".*workers are {(.*?)}.*", r"\1", str(error), flags=re.DOTALL)
        remedy = "memory may be short: lower analyze.most_faces" if "SIGKILL" in code else "run it again"
        raise UserError(f"a process of analyze ended early ({code}): {remedy}") from None
    memory.reduce_size(age_limit=timedelta(days=30))
    return dict(zip(jobs, made, strict=True))
