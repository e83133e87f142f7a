"""The own store as a file: created by several at once, killed on the way, moved along, found broken."""

import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest
import sqlalchemy
from gates import DEADLINE
from mlflow import MlflowClient
from samples import DESCRIPTION

from sparsefaces.tracking.address import sqlite_uri
from sparsefaces.tracking.runs import track
from sparsefaces.tracking.store import Store

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
    """Call a function with the number of each SQL statement and its text, before it is executed."""
    count = iter(range(10**9))

    @sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "before_cursor_execute")
    def hear(connection, cursor, statement, *_):
        do(next(count), statement)


PLAIN = DESCRIPTION._replace(diff="")


def train(stage, together=None):
    """Log what a training of a tiny history does, with inserts that take their time: two come to them at once."""
    if together:
        together.wait()
    at_each_statement(lambda number, statement: time.sleep(0.02) if statement.startswith("INSERT") else None)
    with track(
        PLAIN._replace(stage=stage, tags=DESCRIPTION.tags | {"stage": stage, "content.key": stage}),
        seconds_to_open=DEADLINE,
    ) as run:
        run.on_step(0, {"step": 0, "rec": 1.0})


def open_and_die(number):
    at_each_statement(lambda count, _: os.kill(os.getpid(), signal.SIGKILL) if count == number else None)
    Store()


def finished(in_tmp):
    client = MlflowClient(tracking_uri=f"sqlite:///{in_tmp / 'mlflow.db'}")
    return sorted((run.data.tags["stage"], run.info.status) for run in client.search_runs(["1"]))


def test_store__fresh_one_is_opened_by_both_trainings_at_once(in_tmp):
    together = SPAWN.Barrier(2)
    children = [run(train, stage, together) for stage in ("train_dense", "train_sparse")]
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    assert finished(in_tmp) == [("train_dense", "FINISHED"), ("train_sparse", "FINISHED")]
    assert sorted(path.name for path in in_tmp.iterdir()) == [".mlflow.lock", ".scratch", "mlflow.db"]


# Its creation takes some 900 statements.
@pytest.mark.parametrize("number", [800])
def test_store__killed_at_any_moment_of_its_creation_is_made_by_the_next(in_tmp, number):
    child = run(open_and_die, number)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    child = run(train, "train_dense")
    child.join()
    assert child.exitcode == 0
    assert finished(in_tmp) == [("train_dense", "FINISHED")]
    assert not list(in_tmp.glob("*.partial*"))


def test_store__comes_along_with_a_folder_that_is_moved(finished, tmp_path):
    moved = shutil.copytree(finished.folder, tmp_path / "moved, été 50%41?#", symlinks=True)
    project = type(finished)(moved)
    output = project.run("python", "src/track.py")
    assert f"the project's folder has moved: its runs' files are now looked for in {moved}" in output
    assert "nothing to log" in output
    assert "moved" not in project.run("python", "src/track.py")
    with sqlite3.connect(moved / "mlflow.db") as database:
        dump = "".join(database.iterdump())
    assert f"{finished.folder}/" not in dump  # nor where that was copied from
    assert "first/project" not in dump
    client = MlflowClient(tracking_uri=sqlite_uri(moved / "mlflow.db"))
    for run in client.search_runs(["1"]):
        assert client.list_artifacts(run.info.run_id)
        assert run.info.artifact_uri.startswith(moved.as_uri())
    version = client.get_model_version_by_alias("sparsefaces", "dense")
    assert client.get_model_version_download_uri("sparsefaces", version.version).startswith(
        (moved.as_uri(), str(moved))
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: MlflowClient(tracking_uri=f"sqlite:///{path}").delete_experiment("1"), "experiments restore"),
        (lambda path: (path.unlink(), path.symlink_to("/nowhere/x.db")), "is a link to /nowhere/x.db, which is not"),
        (lambda path: (path.unlink(), path.mkdir()), "unable to open database file"),
        (lambda path: path.write_bytes(b"not a database" * 100), "file is not a database.*is broken: move it away"),
        (lambda path: zero(path, "runs"), "database disk image is malformed"),
    ],
)
def test_track__store_that_cannot_be_used_ends_in_one_message(copied, spoil, message):
    spoil(copied.folder / "mlflow.db")
    output = copied.run("python", "src/track.py", code=1).replace("\n", " ")
    assert re.search(message, output)
    assert output.count("error: ") == 1
    assert "Traceback" not in output


def zero(path, table):
    """Overwrite the first page of a table."""
    with sqlite3.connect(path) as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
        page = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))
