"""Who delivers, and who only seems to: a writer that gave up, one that was killed, one whom nobody hears."""

import os
import shutil
import socket
import subprocess
import sys
import threading

import psutil
import pytest
from gates import DEADLINE, has_ended, wait_until

from sparsefaces.tracking import delivery
from sparsefaces.tracking.address import notify
from sparsefaces.tracking.store import PROCESS, Store


def test_delivery__abandoned_while_it_waits_for_another_try_makes_none(monkeypatch):
    monkeypatch.setattr(delivery, "SECONDS_TO_RETRY", threading.TIMEOUT_MAX)
    others, tries = set(threading.enumerate()), []

    def fail():
        tries.append(len(tries))
        raise OSError("out of reach")

    abandoned = delivery.Delivery(fail, lambda values: None, lambda error: None, is_hopeless=lambda error: True)
    assert not abandoned.wait_until_opened(DEADLINE)
    (thread,) = set(threading.enumerate()) - others
    wait_until(lambda: sys._current_frames()[thread.ident].f_code.co_name == "wait")
    abandoned.abandon()
    thread.join()
    assert len(tries) == 1


def test_store__run_of_a_killed_writer_that_nobody_has_buried_is_closed(in_tmp, empty_store):
    shutil.copy(empty_store, in_tmp / "mlflow.db")
    writer = subprocess.Popen([sys.executable, "-c", ""])
    wait_until(lambda: has_ended(psutil.Process(writer.pid)))  # it stays a zombie, as in a container without an init
    name = f"{socket.gethostname()} {writer.pid} {psutil.Process(writer.pid).create_time():.2f}"
    opened = Store()
    run = opened.client.create_run(opened.experiment, tags={"stage": "train_dense", PROCESS: name})
    opened.close_killed("train_dense")
    assert opened.client.get_run(run.info.run_id).info.status == "KILLED"
    writer.wait()


def test_notify__where_nobody_reads_is_no_error(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        notify("nobody hears it")
        monkeypatch.undo()
        with pytest.raises(BrokenPipeError):  # what else would have ended the delivery
            stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)  # for what is left, at its end
