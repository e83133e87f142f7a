import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection
from pathlib import Path
from select import select

import numpy as np
import pytest

from sparsefaces.analyze.jobs import Job, run_jobs
from sparsefaces.base.errors import UserError

PATIENCE = 60  # seconds: only a test that fails takes so long


def end_by_itself():
    """Be killed, as by the system when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def outlive_the_other():
    """Work on until the pool stops this process too; leave a mark if it does not."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        time.sleep(0.01)
    Path("not noticed").touch()
    return {"x": np.zeros(1)}


def job(make):
    return Job(f"jobs/{make.__name__}", "key", make.__name__, make, ())


def test_run_jobs__notices_that_the_process_started_last_is_killed(in_tmp, monkeypatch):
    started, waiting = [], threading.Event()
    spawn, wait = ProcessPoolExecutor._spawn_process, connection.wait

    def noted_wait(objects, timeout=None):
        waiting.set()
        try:
            return wait(objects, timeout)
        finally:
            waiting.clear()

    def spawn_late(pool):
        # Once the pool has been woken, has looked for new processes, and waits again.
        woken = pool._executor_manager_thread_wakeup._reader
        while started and (select([woken], [], [], 0)[0] or not waiting.is_set()):
            time.sleep(0.001)
        spawn(pool)
        started.append(pool)

    monkeypatch.setattr(connection, "wait", noted_wait)
    monkeypatch.setattr(ProcessPoolExecutor, "_spawn_process", spawn_late)
    (in_tmp / ".scratch").mkdir()
    with pytest.raises(UserError, match="a process was killed"):
        run_jobs({"first": job(outlive_the_other), "last": job(end_by_itself)})
    assert len(started) == 2
    assert not (in_tmp / "not noticed").exists()
