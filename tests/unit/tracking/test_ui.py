"""MLflow's UI: on this machine alone, and no password among the arguments, which lists of processes show."""

import os

import pytest

from sparsefaces.tracking.ui import serve


class StartedError(Exception):
    """Stands for the server, which takes the process's place."""


def test_serve__becomes_a_server_for_this_machine_on_the_projects_store(in_tmp, monkeypatch, capsys):
    started = []

    def execv(program, command):
        started.extend(command)
        raise StartedError

    for name in ("MLFLOW_BACKEND_STORE_URI", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "execv", execv)
    with pytest.raises(StartedError):
        serve("5055")
    options = dict(zip(started[4::2], started[5::2], strict=True))
    assert (options["--host"], options["--port"]) == ("127.0.0.1", "5055")
    assert options["--default-artifact-root"] == str(in_tmp / "mlartifacts")
    assert "mlflow.db" not in " ".join(started)
    assert os.environ["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{in_tmp / 'mlflow.db'}"
    assert os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert "Your runs: http://127.0.0.1:5055/#/experiments/1/runs?" in capsys.readouterr().out


def test_serve__names_a_server_that_is_there_already_without_its_login(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ann:pa55word@host")
    serve("5000")
    assert capsys.readouterr().out == "Your runs are on a server: https://host\n"
