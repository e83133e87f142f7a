"""MLflow's store: where it is, what is said if it cannot be used, and that it moves with its folder."""

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from mlflow import MlflowClient
from samples import in_experiment

from sparsefaces.base.addresses import without_login
from sparsefaces.base.errors import UserError
from sparsefaces.tracking.store import Store, brief, tracking_uri


@pytest.mark.parametrize(
    ("uri", "without"),
    [
        ("http://ann:secret@host:5000/mlflow", "http://host:5000/mlflow"),
        ("postgresql://ann:s%40cret@host/db", "postgresql://host/db"),
        ("postgresql+psycopg2://ann:p@ss/w?rd@host/db", "postgresql+psycopg2://host/db"),
        ("http:/ann:secret@host", "http:/host"),
        ("http:/ann:s/e?c#r@et@host", "http:/host"),
        ("http://ann:sec ret@host", "http://host"),
        ("ann:secret@host:5000", "host:5000"),
        ("https://host/ann", "https://host/ann"),
        ("postgresql://host/db?user=ann&password=s3cret", "postgresql://host/db?***"),
    ],
)
def test_shown__has_neither_name_nor_password(uri, without):
    assert without_login(f"no '{uri}' there") == f"no '{without}' there"
    assert brief(ValueError(f"no {uri}\n  [SQL: SELECT]")) == f"no {without}"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("https://ann:pa55word@127.0.0.1:9", "refused"),
        ("http://ann:8/pa55word@127.0.0.1:9", "refused"),
        ("http://ann:pa55word?#@ 1@127.0.0.1:9", "refused"),
        ("http:/ann:pa55word@h", "Invalid url"),
        ("http://ann:pa55word@h:80a", "80a"),
        ("ann:pa55word@h:5000", "Could not parse"),
        ("'http://h'", "Could not parse"),
        ("./mlruns", "Could not parse"),
        ("sqlite://x.db", "Invalid SQLite URL"),
        ("postgresql+nosuchdriver://ann:pa55word@127.0.0.1/x", "nosuchdriver"),
        ("mysql://ann:pa55word@127.0.0.1/x", "MySQLdb"),
        ("nonsense://ann:pa55word@h/x", "nonsense"),
    ],
)
def test_store__that_cannot_be_used_is_one_message_with_the_ways_on_and_no_login(in_tmp, monkeypatch, uri, said):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match=rf"cannot be used \(.*{said}.*unset MLFLOW_TRACKING_URI for") as error:
        Store()
    assert not {"ann", "pa55word"} & set(re.findall(r"\w+", str(error.value)))
    assert {path.name for path in in_tmp.iterdir()} <= {".mlflow.lock", ".scratch"}


def test_store__silent_server_is_given_up_after_mlflows_own_limit(in_tmp, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UserError, match=r"cannot be used \(.*timed out.*"):
            Store()


def test_tracking_uri__relative_file_is_the_projects_also_in_experiments(in_tmp, monkeypatch):
    in_experiment(in_tmp / "root", monkeypatch)
    for name in ("", "sqlite:///mlflow.db"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", name)
        assert tracking_uri() == f"sqlite:///{in_tmp / 'root' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there:5000")
    assert tracking_uri() == "http://there:5000"


def test_store__what_a_killed_process_left_of_a_new_one_is_replaced(in_tmp):
    (in_tmp / ".mlflow.db.partial").mkdir()
    (in_tmp / ".mlflow.db.partial" / "mlflow.db").write_bytes(b"half")
    (in_tmp / "mlflow.db").touch()  # as sqlite3's command leaves it
    Store()
    assert {path.name for path in in_tmp.iterdir()} == {".mlflow.lock", ".scratch", "mlflow.db"}


def test_store__moved_with_its_folder_finds_the_files_of_runs_and_models(logged, monkeypatch, capsys):
    logged.with_model = True
    logged.train()
    run = logged.only_run().info.run_id
    moved = logged.folder.parent / "moved, renamed"
    logged.folder.rename(moved)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")  # which registering sets, for this process
    monkeypatch.chdir(moved)
    Store()
    assert "the project's folder has moved" in capsys.readouterr().err
    client = MlflowClient(f"sqlite:///{moved / 'mlflow.db'}")
    assert client.download_artifacts(run, "checkpoints/step_5.txt", str(moved)).endswith("step_5.txt")
    version = client.get_model_version_by_alias("sparsefaces", "dense").version
    assert client.get_model_version_download_uri("sparsefaces", version).startswith(moved.as_uri())
    with closing(sqlite3.connect(moved / "mlflow.db")) as database:
        assert f"file://{logged.folder}/" not in "".join(database.iterdump())
    Store()
    assert capsys.readouterr().err == ""


def test_store__of_a_copied_folder_is_another_clones(logged, monkeypatch):
    mine = Store().clone
    assert Store().clone == mine
    copy = shutil.copytree(logged.folder, logged.folder.parent / "copy")
    monkeypatch.chdir(copy)
    assert Store().clone != mine


def test_tracking__mlflow_is_set_up_before_it_is_imported_and_tells_nobody_of_its_use():
    code = "import sys, sparsefaces.tracking; assert 'mlflow' not in sys.modules; print('set up')"
    code += "; from sparsefaces.tracking import runs"
    code += "; from mlflow.telemetry.client import get_telemetry_client as client; print(client())"
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}  # on CI, MLflow would not tell anyway
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=kept, check=True)
    assert done.stdout.split("\n")[:2] == ["set up", "None"]
