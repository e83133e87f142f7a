"""The own store as a file: created by several at once, found broken."""

import fcntl
import multiprocessing
import os
import re
import sys
from pathlib import Path

import pytest
import sqlalchemy
from descriptions import DESCRIPTION
from gates import DEADLINE
from mlflow import MlflowClient

from sparsefaces.tracking.runs import track

SPAWN = multiprocessing.get_context("spawn")


def run(target, *arguments):
    process = SPAWN.Process(target=_in, args=(Path.cwd(), target, *arguments), daemon=True)
    process.start()
    return process


def _in(folder, target, *arguments):
    os.chdir(folder)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    target(*arguments)


def at_each_statement(do):
    """Call a function with each SQL statement before it is executed."""
    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "before_cursor_execute", lambda *heard: do(heard[2]))


def train(stage):
    """Log what a training of a tiny history does."""
    tags = DESCRIPTION.tags | {"stage": stage, "content.key": stage}
    with track(DESCRIPTION._replace(stage=stage, tags=tags, diff=""), seconds_to_open=DEADLINE) as run:
        run.on_step(0, {"step": 0, "rec": 1.0})


def train_first(holds, waits):
    """Train, and hold in the midst of the store's making until the other training waits for it."""

    def hold(statement):
        if statement.startswith("INSERT"):
            holds.set()
            assert waits.wait(DEADLINE)

    at_each_statement(hold)
    train("train_dense")


def train_second(waits):
    """Train, and wait for the store's lock before anything is asked of the store."""

    def hear(event, arguments):
        if event == "fcntl.flock" and arguments[1] == fcntl.LOCK_EX:  # as long as it takes
            waits.set()

    def check(_):
        assert waits.is_set()

    sys.addaudithook(hear)
    at_each_statement(check)
    train("train_sparse")


def finished(in_tmp):
    client = MlflowClient(tracking_uri=f"sqlite:///{in_tmp / 'mlflow.db'}")
    return sorted((run.data.tags["stage"], run.info.status) for run in client.search_runs(["1"]))


def test_store__fresh_one_is_opened_by_both_trainings_at_once(in_tmp):
    holds, waits = SPAWN.Event(), SPAWN.Event()
    first = run(train_first, holds, waits)
    assert holds.wait(DEADLINE)
    second = run(train_second, waits)
    for child in (second, first):
        child.join()
        assert child.exitcode == 0
    assert finished(in_tmp) == [("train_dense", "FINISHED"), ("train_sparse", "FINISHED")]
    assert sorted(path.name for path in in_tmp.iterdir()) == [".mlflow.lock", ".scratch", "mlflow.db"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: MlflowClient(tracking_uri=f"sqlite:///{path}").delete_experiment("1"), "experiments restore"),
        (lambda path: (path.unlink(), path.symlink_to("/nowhere/x.db")), "is a link to /nowhere/x.db, which is not"),
        (lambda path: path.write_bytes(b"not a database" * 100), "file is not a database.*is broken: move it away"),
    ],
)
def test_track__store_that_cannot_be_used_ends_in_one_message(copied, spoil, message):
    spoil(copied.folder / "mlflow.db")
    output = copied.run("python", "src/track.py", code=1).replace("\n", " ")
    assert re.search(message, output)
    assert output.count("error: ") == 1
    assert "Traceback" not in output
