"""Two colleagues with two clones, one remote of DVC's, one server of MLflow's, as compose.yaml starts it."""

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import closing
from io import StringIO
from pathlib import Path

import boto3
import pytest
import requests
import yaml
from gates import wait_until
from moto.server import ThreadedMotoServer
from projects import ROOT, Project
from servers import Server, free_port
from werkzeug.security import generate_password_hash


def find_initdb():
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)  # Debian's, on no PATH
    return shutil.which("initdb") or next(iter(places), None)


needs_postgres = pytest.mark.skipif(
    find_initdb() is None and "CI" not in os.environ, reason="no PostgreSQL: install your system's package postgresql"
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of a new database in a PostgreSQL of our own."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # the path of its socket must be short
    user = {}
    if os.geteuid() == 0:  # which it refuses to run as
        shutil.chown(folder, "postgres", "postgres")
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    binaries, port = Path(find_initdb()).parent, str(free_port())

    def run(*command: str) -> None:
        subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True, **user)

    run(str(binaries / "initdb"), "-D", f"{folder}/data", "-U", "mlflow", "--auth", "trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    control = [str(binaries / "pg_ctl"), "-D", f"{folder}/data", "-w"]
    run(*control, "-o", options, "-l", f"{folder}/log", "start")
    yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/postgres"
    run(*control, "-m", "immediate", "stop")
    shutil.rmtree(folder)


PASSWORDS = {
    "POSTGRES_PASSWORD": "p",
    "S3_PASSWORD": "s",
    "MLFLOW_PASSWORD": "adm1n-pa55word",
    "SECRET_KEY": "k",
}
BOB = {"MLFLOW_TRACKING_USERNAME": "bob", "MLFLOW_TRACKING_PASSWORD": "b0b-pa55word"}
ADMIN = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": PASSWORDS["MLFLOW_PASSWORD"]}


def composed():
    """Read compose.yaml's service of MLflow with its passwords filled in."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    service = compose["services"]["mlflow"]
    env = service["environment"]
    for name, value in PASSWORDS.items():
        env = {key: value if text == f"${{{name}:?set it in .env}}" else text for key, text in env.items()}
    env = {key: re.sub(r"\$\{\w+:-(.*)\}", r"\1", text) for key, text in env.items()}
    assert not any("$" in text for text in env.values())
    return service["command"], env, compose["configs"]["auth"]["content"]


@pytest.fixture(scope="module")
def s3():
    """A server that speaks S3's protocol, with a bucket for DVC and one for MLflow."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "t", "aws_secret_access_key": "t", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=url, **keys)
    for bucket in ("dvc", "mlflow"):
        client.create_bucket(Bucket=bucket)
    client.address = url
    yield client
    server.stop()


def cheapen_logins(path):
    """Hash the passwords in one round: the server checks one with each request, which costs a tenth of a second."""
    with closing(sqlite3.connect(path)) as database, database:
        for login in (ADMIN, BOB):
            cheap = generate_password_hash(login["MLFLOW_TRACKING_PASSWORD"], "pbkdf2:sha256:1")
            name = login["MLFLOW_TRACKING_USERNAME"]
            assert database.execute("UPDATE users SET password_hash = ? WHERE username = ?", (cheap, name)).rowcount


@pytest.fixture(scope="module")
def team_server(s3, postgres, tmp_path_factory):
    """MLflow's server as compose.yaml has it, on a PostgreSQL and an S3 of the tests'."""
    folder = tmp_path_factory.mktemp("team")
    (command, env, content) = composed()
    auth = ConfigParser()
    auth.read_file(StringIO(content))
    auth["mlflow"]["database_uri"] = f"sqlite:///{folder / 'logins.db'}"
    with (folder / "auth.ini").open("w") as file:
        auth.write(file)
    env |= {"MLFLOW_S3_ENDPOINT_URL": s3.address, "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini")}
    own = ("--host", "--port", "--backend-store-uri")
    options = [option for option in command[2:] if option.partition("=")[0] not in own]
    assert options == ["--app-name=basic-auth", "--artifacts-destination=s3://mlflow"]
    server = Server(folder, postgres, options, **env).start()
    answer = requests.post(
        f"{server.url}/api/2.0/mlflow/users/create",
        json={"username": "bob", "password": BOB["MLFLOW_TRACKING_PASSWORD"]},
        auth=("admin", PASSWORDS["MLFLOW_PASSWORD"]),
        timeout=60,
    )
    assert answer.ok, answer.text
    cheapen_logins(folder / "logins.db")
    yield server
    server.kill()


@pytest.fixture
def colleagues(copied, tmp_path):
    """Ada's project, with results, and a function that clones it for Bob."""

    def clone():
        copied.run("git", "clone", "-q", str(copied.folder), str(tmp_path / "bob"))
        return Project(tmp_path / "bob")

    return copied, clone


def everything(project):
    return {name: data for name, data in project.results().items() if "/." not in name}


def pull(bob, ada):
    """Let Bob pull, and find everything made."""
    bob.run("dvc", "pull", "--run-cache")
    assert everything(bob) == everything(ada)
    assert "Data and pipelines are up to date" in bob.run("dvc", "repro", "--no-commit")


@pytest.mark.parametrize("kind", ["folder", "S3"])
def test_pull__brings_a_colleague_models_data_report_and_what_was_ever_run(colleagues, tmp_path, request, kind):
    ada, clone = colleagues
    remote = [str(tmp_path / "remote")]
    if kind == "S3":
        address = request.getfixturevalue("s3").address
        remote = ["s3://dvc/faces", f"endpointurl={address}"]
        ada.env |= {"AWS_ACCESS_KEY_ID": "t", "AWS_SECRET_ACCESS_KEY": "t", "AWS_DEFAULT_REGION": "us-east-1"}
    ada.run("dvc", "remote", "add", "--default", "team", remote[0])
    for setting in remote[1:]:
        ada.run("dvc", "remote", "modify", "team", *setting.split("="))
    # She tries something, pushes it, and goes back: no commit knows of it.
    ada.set_params({"standardize": {"holdout": 0.3}})
    ada.run("dvc", "repro", "-s", "standardize")
    tried = ada.path("standardize/X.npy").read_bytes()
    ada.run("dvc", "push", "--run-cache", "standardize")
    ada.run("git", "restore", "params.yaml", "dvc.lock")
    ada.run("dvc", "checkout")
    ada.run("dvc", "push", "--run-cache")
    ada.run("git", "commit", "-qam", "A remote for the team")
    bob = clone()
    bob.env = ada.env
    pull(bob, ada)
    bob.set_params({"standardize": {"holdout": 0.3}})
    assert "is cached - skipping run" in bob.run("dvc", "repro", "--pull", "-s", "standardize")
    assert bob.path("standardize/X.npy").read_bytes() == tried


@needs_postgres
def test_tracking__of_two_colleagues_on_the_composed_server_is_one(colleagues, team_server, s3):
    ada, clone = colleagues
    store = {"MLFLOW_TRACKING_URI": team_server.url}
    ada.env |= store | ADMIN
    assert "logged train_dense, train_sparse, analyze" in ada.run("python", "src/track.py")
    bob = clone()
    bob.env |= store | BOB
    shared = Path(ada.run("dvc", "cache", "dir").strip())
    bob.run("dvc", "cache", "dir", "--local", str(shared))
    bob.run("dvc", "checkout")
    assert "nothing to log" in bob.run("python", "src/track.py")
    bob.run("dvc", "repro", "-f", "-s", "train_sparse")
    answer = requests.post(
        f"{team_server.url}/api/2.0/mlflow/runs/search",
        json={"experiment_ids": ["1"], "filter": "tags.stage = 'train_sparse' and attributes.status = 'FINISHED'"},
        auth=("admin", PASSWORDS["MLFLOW_PASSWORD"]),
        timeout=60,
    )
    assert len(answer.json()["runs"]) == 2, answer.text
    wrong = ada.run("python", "src/track.py", code=1, MLFLOW_TRACKING_PASSWORD="wrong")
    assert "401" in wrong
    assert "wrong" not in wrong.replace("wrong password", "")
    files = [entry["Key"] for entry in s3.list_objects_v2(Bucket="mlflow")["Contents"]]
    assert any(name.endswith("decoder.png") for name in files)
    assert any(name.endswith("model.safetensors") for name in files)


def test_slurm__tasks_leave_experiments_in_the_project_and_runs_on_the_server(copied, server):
    project = copied
    script = ROOT / "tools" / "slurm.sh"
    project.env |= {"MLFLOW_TRACKING_URI": server.url}
    tasks = [
        project.start(str(script), "0.25", "3", SLURM_ARRAY_TASK_ID=str(number), SLURM_SUBMIT_DIR=str(project.folder))
        for number in range(2)
    ]
    wait_until(lambda: all(task.is_over() for task in tasks))
    for task in tasks:
        task.end()
    assert set(project.run("dvc", "exp", "list", "--name-only").split()) == {"lambda-0.25", "lambda-3"}
    before = project.path("train_sparse/model.safetensors").read_bytes()
    project.run("dvc", "exp", "apply", "lambda-3")
    assert project.path("train_sparse/model.safetensors").read_bytes() != before
    assert {run.data.params["lambda"] for run in server.runs(stage="train_sparse")} >= {"0.25", "3.0"}
