"""What takes long, several at a time by joblib: each in a process with one thread, or found in the cache."""

import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from typing import Any, NamedTuple

from joblib import Parallel, cpu_count, delayed
from threadpoolctl import threadpool_limits

from sparsefaces.base.cache import Arrays, cached, load_cached
from sparsefaces.base.errors import UserError
from sparsefaces.base.progress import Progress

SECONDS_IDLE = 5  # after which a process without work ends


class Job(NamedTuple):
    """Arrays that are made once.

    Attributes:
        name: What they are cached under.
        key: What they depend on, from `key_of`.
        label: What is said of it.
        make: A function of a module's, which another process can import.
        arguments: What it is given.
    """

    name: str
    key: str
    label: str
    make: Callable[..., Arrays]
    arguments: tuple[Any, ...]


def run_jobs(jobs: Mapping[str, Job]) -> dict[str, Arrays]:
    """Find or make the arrays of every job; those that take longest should come first.

    Raises:
        UserError: A job ends in one, or its process is killed.
    """
    found = {name: load_cached(job.name, job.key) for name, job in jobs.items()}
    _make([jobs[name] for name, arrays in found.items() if arrays is None])
    return {name: _run(jobs[name]) if arrays is None else arrays for name, arrays in found.items()}


def _make(jobs: Sequence[Job]) -> None:
    """Let processes put what every job makes into the cache."""
    if not jobs:
        return
    # Arrays that are mapped from a file are mapped by the processes, too; others are sent: nothing is put into
    # /dev/shm, which may be small.
    how: dict[str, Any] = {"return_as": "generator_unordered", "max_nbytes": None}
    # Processes leave Ctrl-C to this one, which ends them: they inherit that it is ignored while they start (50 ms).
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = Parallel(min(len(jobs), cpu_count()), "loky", idle_worker_timeout=SECONDS_IDLE, **how)
        ends = run(delayed(_put_into_cache)(job) for job in jobs)
    except OSError as error:
        raise UserError(
            f"no processes can be started ({error}): make room in memory, and in /dev/shm, where their semaphores are, "
            "or set JOBLIB_MULTIPROCESSING=0 in the environment, which does without"
        ) from None
    finally:
        signal.signal(signal.SIGINT, former)
    try:
        with closing(Progress("Fitting", len(jobs), unit="done")) as progress:
            for _ in ends:
                progress.update()
    except BrokenProcessPool:
        labels = ", ".join(job.label for job in jobs)
        raise UserError(
            f"a process was killed ({labels}), by the system if memory was short: close other programs "
            "or lower analyze.most_faces or fetch.resize, and run it again"
        ) from None


def _put_into_cache(job: Job) -> None:
    """Make a job's arrays; nothing is sent back, for which a process would wait if its parent was killed."""
    with threadpool_limits(1):
        _run(job)


def _run(job: Job) -> Arrays:
    return cached(job.name, job.key, lambda: job.make(*job.arguments), job.label)
