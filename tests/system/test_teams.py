"""Two colleagues with two clones, one remote of DVC's, one server of MLflow's, as compose.yaml starts it."""

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest
import requests
import yaml
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


PASSWORDS = {"POSTGRES_PASSWORD": "p", "S3_PASSWORD": "s", "MLFLOW_PASSWORD": "adm1n-pa55word", "SECRET_KEY": "k"}
BOB = {"MLFLOW_TRACKING_USERNAME": "bob", "MLFLOW_TRACKING_PASSWORD": "b0b-pa55word"}
ADMIN = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": PASSWORDS["MLFLOW_PASSWORD"]}


def composed():
    """Read compose.yaml's service of MLflow with its passwords filled in."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    service = compose["services"]["mlflow"]
    env = service["environment"]
    setting = re.compile(r"\$\{(\w+):[?-](.*)\}")  # with what stands in .env, or else its default
    env = {key: setting.sub(lambda match: PASSWORDS.get(match[1], match[2]), text) for key, text in env.items()}
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


def ask(server, what, words):
    """Ask MLflow's server something as its administrator."""
    login = ("admin", PASSWORDS["MLFLOW_PASSWORD"])
    answer = requests.post(f"{server.url}/api/2.0/mlflow/{what}", json=words, auth=login, timeout=60)
    assert answer.ok, answer.text
    return answer.json()


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
    auth, logins = re.subn("sqlite:///.*", f"sqlite:///{folder / 'logins.db'}", content)
    assert logins == 1
    (folder / "auth.ini").write_text(auth)
    env |= {"MLFLOW_S3_ENDPOINT_URL": s3.address, "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini")}
    own = ("--host", "--port", "--backend-store-uri")
    options = [option for option in command[2:] if option.partition("=")[0] not in own]
    assert options == ["--app-name=basic-auth", "--artifacts-destination=s3://mlflow"]
    server = Server(folder, postgres, options, **env).start()
    ask(server, "users/create", {"username": "bob", "password": BOB["MLFLOW_TRACKING_PASSWORD"]})
    cheapen_logins(folder / "logins.db")
    yield server
    server.kill()


def clone(project):
    folder = project.folder.parent / "bob"
    project.run("git", "clone", "-q", str(project.folder), str(folder))
    return Project(folder)


def everything(project):
    return {name: data for name, data in project.results().items() if "/." not in name}


def test_pull__brings_a_colleague_models_data_report_and_what_was_ever_run(copied, s3):
    ada = copied
    ada.env |= {"AWS_ACCESS_KEY_ID": "t", "AWS_SECRET_ACCESS_KEY": "t", "AWS_DEFAULT_REGION": "us-east-1"}
    ada.run("dvc", "remote", "add", "--default", "team", "s3://dvc/faces")
    ada.run("dvc", "remote", "modify", "team", "endpointurl", s3.address)
    # She tries something, pushes it, and goes back: no commit knows of it.
    ada.set_params({"standardize": {"holdout": 0.3}})
    ada.run("dvc", "repro", "-s", "standardize")
    tried = ada.path("standardize/X.npy").read_bytes()
    ada.run("dvc", "push", "--run-cache", "standardize")
    ada.run("git", "restore", "params.yaml", "dvc.lock")
    ada.run("dvc", "checkout")
    ada.run("dvc", "push", "--run-cache")
    ada.run("git", "commit", "-qam", "A remote for the team")
    bob = clone(ada)
    bob.env = ada.env
    bob.run("dvc", "pull", "--run-cache")
    assert everything(bob) == everything(ada)
    assert "Data and pipelines are up to date" in bob.run("dvc", "repro", "--no-commit")
    bob.set_params({"standardize": {"holdout": 0.3}})
    assert "is cached - skipping run" in bob.run("dvc", "repro", "--pull", "-s", "standardize")
    assert bob.path("standardize/X.npy").read_bytes() == tried


@needs_postgres
def test_tracking__of_two_colleagues_on_the_composed_server_is_one(copied, team_server, s3):
    ada = copied
    store = {"MLFLOW_TRACKING_URI": team_server.url}
    ada.env |= store | ADMIN
    assert "logged train_dense, train_sparse, analyze" in ada.run("python", "src/track.py")
    bob = clone(ada)
    bob.env |= store | BOB
    bob.run("dvc", "cache", "dir", "--local", ada.run("dvc", "cache", "dir").strip())
    bob.run("dvc", "checkout")
    assert "nothing to log" in bob.run("python", "src/track.py")
    bob.run("dvc", "repro", "-f", "-s", "train_sparse")
    condition = "tags.stage = 'train_sparse' and attributes.status = 'FINISHED'"
    assert len(ask(team_server, "runs/search", {"experiment_ids": ["1"], "filter": condition})["runs"]) == 2
    refused = ada.run("python", "src/track.py", code=1, MLFLOW_TRACKING_PASSWORD="b4d-pa55word")
    assert "401" in refused
    assert "b4d-pa55word" not in refused
    files = {entry["Key"].rpartition("/")[2] for entry in s3.list_objects_v2(Bucket="mlflow")["Contents"]}
    assert files >= {"decoder.png", "model.safetensors"}


def test_slurm__task_leaves_its_experiment_in_the_project_and_its_run_on_the_server(copied, server):
    project = copied
    project.env |= {"MLFLOW_TRACKING_URI": server.url, "SLURM_SUBMIT_DIR": str(project.folder)}
    project.run("tools/slurm.sh", "0.25", "3", SLURM_ARRAY_TASK_ID="1")
    assert project.run("dvc", "exp", "list", "--name-only").split() == ["lambda-3"]
    before = project.path("train_sparse/model.safetensors").read_bytes()
    project.run("dvc", "exp", "apply", "lambda-3")
    assert project.path("train_sparse/model.safetensors").read_bytes() != before
    assert [run.data.params["lambda"] for run in server.runs(stage="train_sparse")] == ["3.0"]
