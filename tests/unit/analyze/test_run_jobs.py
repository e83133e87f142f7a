"""Jobs in processes of their own, and how they end when something goes wrong in one of them."""

import errno
import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
from gates import DEADLINE
from joblib import cpu_count
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_info

from sparsefaces.analyze import parallel
from sparsefaces.analyze.parallel import Job, run_jobs
from sparsefaces.base.errors import UserError

needs_cores = pytest.mark.skipif(cpu_count() < 2, reason="only one core: jobs run in the process itself")


@pytest.fixture(autouse=True)
def new_processes():
    """Joblib would give the next test those of this one, which are in its folder."""
    yield
    get_reusable_executor().shutdown(kill_workers=True)


def describe_process(name):
    with Path(f"{name}.made").open("a") as file:
        file.write("x")
    threads = [library["num_threads"] for library in threadpool_info()]
    return {
        "process": np.array(os.getpid()),
        "threads": np.array(max(threads, default=1)),
        "ignores Ctrl-C": np.array(signal.getsignal(signal.SIGINT) == signal.SIG_IGN),
    }


def wait_for_ever():
    Path("waits").write_text(str(os.getpid()))
    signal.pause()
    return {}


def once_the_other_waits(end):
    while not (Path("waits").exists() and Path("waits").read_text()):
        pass
    if end == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise {"memory": MemoryError("9 GiB"), "mistake": UserError("lower it"), "bug": TypeError("None + 1")}[end]


def jobs_of(make, *names):
    return {name: Job(f"jobs/{name}", "key", f"Making {name}", make, (name,)) for name in names}


@needs_cores
def test_run_jobs__each_once_in_a_process_with_one_thread_that_leaves_ctrl_c_to_its_parent(in_tmp):
    before = signal.getsignal(signal.SIGINT)
    made = run_jobs(jobs_of(describe_process, "a", "b"))
    assert signal.getsignal(signal.SIGINT) == before
    assert list(made) == ["a", "b"]
    for arrays in made.values():
        assert arrays["process"] != os.getpid()
        assert arrays["threads"] == 1
        assert arrays["ignores Ctrl-C"]
    again = run_jobs(jobs_of(describe_process, "b", "c"))
    assert again["b"] == made["b"]
    assert [(in_tmp / f"{name}.made").read_text() for name in "abc"] == ["x", "x", "x"]


@pytest.mark.parametrize(("names", "cores"), [("ab", 1), ("a", 2)])
def test_run_jobs__one_core_or_one_job_needs_no_processes(names, cores, in_tmp, monkeypatch):
    monkeypatch.setattr(parallel, "cpu_count", lambda: cores)
    made = run_jobs(jobs_of(describe_process, *names))
    assert {int(arrays["process"]) for arrays in made.values()} == {os.getpid()}
    assert {int(arrays["threads"]) for arrays in made.values()} == {1}


@needs_cores
@pytest.mark.parametrize(
    ("end", "error", "message"),
    [
        ("killed", UserError, r"a process was killed \(Waiting, Ending\), by the system if memory was short: close"),
        ("memory", MemoryError, "9 GiB"),
        ("mistake", UserError, "^lower it$"),
        ("bug", TypeError, "None"),
    ],
)
def test_run_jobs__end_of_one_ends_the_others_and_is_told_apart(end, error, message, in_tmp):
    jobs = {
        "waits": Job("jobs/waits", "key", "Waiting", wait_for_ever, ()),
        "ends": Job("jobs/ends", "key", "Ending", once_the_other_waits, (end,)),
    }
    with pytest.raises(error, match=message):
        run_jobs(jobs)
    other = int((in_tmp / "waits").read_text())
    if psutil.pid_exists(other):
        psutil.Process(other).wait(DEADLINE)
    assert not list((in_tmp / ".scratch/jobs").glob("*.npz"))


def test_run_jobs__processes_that_cannot_be_started_are_one_message(in_tmp, monkeypatch):
    def start(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(parallel, "Parallel", start)
    with pytest.raises(UserError, match=r"No space left on device\): make room in memory, and in /dev/shm"):
        run_jobs(jobs_of(describe_process, "a", "b"))
    assert signal.getsignal(signal.SIGINT) != signal.SIG_IGN
