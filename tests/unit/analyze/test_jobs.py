"""Jobs in processes of their own: one that is killed ends all with a message."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection
from pathlib import Path
from select import select

import numpy as np
import pytest
from gates import DEADLINE
from projects import CORES

from sparsefaces.analyze.jobs import Job, run_jobs
from sparsefaces.base.errors import UserError


def outlive_the_other():
    """Work on until the pool stops this process; leave a mark if it does not."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        time.sleep(0.01)
    Path("not noticed").touch()
    return {"x": np.zeros(1)}


@pytest.mark.skipif(sys.version_info < (3, 11, 5), reason="this Python's pools look once a process has started")
@pytest.mark.skipif(CORES < 2, reason="only one core: a pool of one process")
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
        woken, end = pool._executor_manager_thread_wakeup._reader, time.monotonic() + DEADLINE
        while started and (select([woken], [], [], 0)[0] or not waiting.is_set()):
            assert time.monotonic() < end, "this Python's pool never waits"
            time.sleep(0.001)
        spawn(pool)
        started.append(list(pool._processes)[-1])
        if len(started) == 2:
            os.kill(started[1], signal.SIGKILL)

    monkeypatch.setattr(connection, "wait", noted_wait)
    monkeypatch.setattr(ProcessPoolExecutor, "_spawn_process", spawn_late)
    (in_tmp / ".scratch").mkdir()
    jobs = {name: Job(f"jobs/{name}", "key", name, outlive_the_other, ()) for name in ("first", "last")}
    with pytest.raises(UserError, match="a process was killed"):
        run_jobs(jobs)
    assert len(started) == 2
    assert not (in_tmp / "not noticed").exists()
