"""What is asked of other programs and of the machine: the same answer whatever surrounds it."""

import json
import shutil
import socket
import sqlite3
import sys
from contextlib import closing
from types import SimpleNamespace

import pytest
from mlflow.entities import Metric

from sparsefaces.base.errors import UserError
from sparsefaces.tracking import commands, store_file, ui
from sparsefaces.tracking.address import sqlite_path
from sparsefaces.tracking.commands import ask
from sparsefaces.tracking.pictures import LivePictures
from sparsefaces.tracking.record import Record
from sparsefaces.tracking.store import Store


def test_ask__answers_in_plain_utf_8_whatever_hooks_and_terminals_set(monkeypatch):
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "FORCE_COLOR", "COLUMNS", "OTHER"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = ask(sys.executable, "-c", "import json, os, sys; print('é', json.dumps(dict(os.environ))); sys.exit(3)")
    assert (done.returncode, done.stdout[0], done.stderr) == (3, "é", "")
    seen = json.loads(done.stdout[2:])
    assert seen["OTHER"] == "x"
    assert seen["NO_COLOR"]
    assert not {"GIT_DIR", "GIT_INDEX_FILE", "FORCE_COLOR", "COLUMNS"} & seen.keys()


def test_ask__command_that_does_not_end_is_ended_and_named(monkeypatch):
    monkeypatch.setattr(commands, "LIMIT", 0.1)
    with pytest.raises(UserError, match="`tail -f /dev/null` has not ended after 0 s"):
        ask("tail", "-f", "/dev/null")


def test_serve__port_that_is_none_or_taken_is_an_error_with_the_next_one(in_tmp):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} is taken.* make ui PORT={port + 1}"):
            ui.serve(str(port))
    for port in ("0", "65536", "x", "-1", ""):
        with pytest.raises(UserError, match=f"PORT is '{port}'; it must be a number from 1 to 65535"):
            ui.serve(port)


def test_serve__runs_on_a_server_are_shown_there(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ada:secret@mlflow.example.org")
    ui.serve("no port")
    assert capsys.readouterr().out == "Your runs are on a server: https://mlflow.example.org\n"


def test_create__makes_a_store_whole_or_not_at_all_and_leaves_one_that_is_there(tmp_path, monkeypatch):
    path, ends = tmp_path / "made/mlflow.db", [KeyboardInterrupt, None]

    def begin(tracking_uri):
        def search_experiments():
            sqlite_path(tracking_uri).write_bytes(b"tables")
            if end := ends.pop(0):
                raise end

        return SimpleNamespace(search_experiments=search_experiments)

    monkeypatch.setattr(store_file, "MlflowClient", begin)
    half = tmp_path / "made/.mlflow.db.partial"  # of a process that was killed
    half.mkdir(parents=True)
    (half / "mlflow.db").write_bytes(b"half of the tables")
    pytest.raises(KeyboardInterrupt, store_file.create, path)
    assert list(path.parent.iterdir()) == []
    for _ in range(2):
        store_file.create(path)
        assert path.read_bytes() == b"tables"
    assert list(path.parent.iterdir()) == [path]


def test_store__that_came_along_with_its_folder_finds_its_files_there(logged, monkeypatch, capsys):
    logged.with_model = True
    logged.train()
    Store()
    assert capsys.readouterr().err == ""
    moved = logged.folder.with_name("moved, été 50%41?#")
    shutil.copytree(logged.folder, moved)
    shutil.rmtree(logged.folder / "mlartifacts")
    monkeypatch.chdir(moved)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")  # which MLflow has set
    store = Store()
    assert f"has moved: its runs' files are now looked for in {moved}" in capsys.readouterr().err
    run = logged.only_run().info.run_id
    assert "model.safetensors" in {file.path for file in store.client.list_artifacts(run)}
    (version,) = store.client.search_model_versions("name = 'sparsefaces'")
    model = store.client.get_logged_model(version.source.removeprefix("models:/"))
    assert model.artifact_location.startswith(moved.as_uri())
    assert store.client.get_model_version_download_uri("sparsefaces", version.version).startswith(moved.as_uri())
    with closing(sqlite3.connect(moved / "mlflow.db")) as database:
        assert f"{logged.folder}/" not in "".join(database.iterdump())
    Store()
    assert capsys.readouterr().err == ""


def test_record__number_that_a_kill_cut_off_is_gone_and_spoils_no_other(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "rows.jsonl").write_text('["a", 1.0, 7, 0]\n["b", 2.')
    values = [Metric("a", 1.0, 7, 0), Metric("c", 3.0, 8, 1)]
    for _ in range(2):  # what is there already is not there twice
        record = Record(tmp_path)
        record.add_values(values)
        assert record.values() == values
        record.close()


def test_live_pictures__are_due_every_so_often_and_at_the_end_and_weights_after_so_many_steps(monkeypatch):
    done = []
    monkeypatch.setattr("sparsefaces.tracking.pictures.log_pictures", lambda run, step, *_: done.append(step))
    monkeypatch.setattr("sparsefaces.tracking.pictures.model_bytes", lambda model: model)
    run = SimpleNamespace(log_file=lambda name, data: done.append((name, data)))
    how = SimpleNamespace(log_pictures_every=4, log_weights_every=3)
    live = LivePictures(run, None, how, iterations=7)
    for step in range(7):
        live.on_step(step, None, SimpleNamespace(model=lambda step=step: f"model {step}"))
    weights = [(f"checkpoints/step_0000{n}.safetensors", f"model {n - 1}") for n in (3, 6)]
    assert done == [0, weights[0], 4, weights[1], 6]
