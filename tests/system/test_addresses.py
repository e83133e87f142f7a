"""Stores as teams have them: behind a login, a private certificate, without /health; nothing secret is ever shown."""

import base64
import os
import shutil
import subprocess

import pytest
from gateway import Gateway
from samples import DESCRIPTION, in_experiment

from sparsefaces.base.errors import UserError
from sparsefaces.tracking.address import brief, shown_uri, tracking_uri, without_secrets
from sparsefaces.tracking.queries import finished_trainings
from sparsefaces.tracking.runs import track

LOGIN = base64.b64encode(b"ann:pa55 word").decode()


@pytest.fixture
def gateway(server, in_tmp, monkeypatch):
    """A gateway that lets in who has the login or the token, and has no /health."""

    def refuse(request):
        if request.path == "/health":
            return 404
        return None if request.headers["Authorization"] in (f"Basic {LOGIN}", "Bearer t0ken") else 401

    gateway = Gateway(server.url)
    gateway.refuse = refuse
    monkeypatch.setenv("MLFLOW_TRACKING_URI", gateway.url)
    yield gateway
    gateway.close()


def log(stage):
    description = DESCRIPTION._replace(
        stage=stage, diff="", tags=DESCRIPTION.tags | {"stage": stage, "content.key": stage}
    )
    with track(description) as run:
        run.on_step(0, {"step": 0, "rec": 1.0})


LOGINS = {
    "name and password": {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "pa55 word"},
    "token": {"MLFLOW_TRACKING_TOKEN": "t0ken"},
}


@pytest.mark.parametrize("login", LOGINS)
def test_track__logs_behind_a_login_by_mlflows_own_settings(gateway, server, monkeypatch, login):
    for name, value in LOGINS[login].items():
        monkeypatch.setenv(name, value)
    log(f"train_{login.split()[0]}")
    (run,) = server.runs(stage=f"train_{login.split()[0]}")
    assert run.info.status == "FINISHED"
    assert gateway.refused == []  # nothing was asked for without the login, /health neither


def test_track__wrong_login_is_said_at_once(gateway, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wrong")
    with pytest.raises(UserError, match="401"), track(DESCRIPTION, seconds_to_open=3600):
        pass


def test_track__login_in_the_address_works_and_is_never_shown(gateway, server, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", gateway.url.replace("://", "://ann:pa55%20word@"))
    log("train_secret")
    (run,) = server.runs(stage="train_secret")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", gateway.url.replace("://", "://ann:wr0ng@"))
    with pytest.raises(UserError) as error, track(DESCRIPTION, seconds_to_open=0):
        pass
    with pytest.raises(UserError) as other:
        finished_trainings()
    output = capsys.readouterr()
    said = f"{error.value} {other.value} {output.out} {output.err} {run.data.tags} {run.data.params}"
    assert "://127.0.0.1" in said
    assert not [secret for secret in ("pa55", "wr0ng", "ann:") if secret in said]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        assert "CI" not in os.environ
        pytest.skip("openssl, which makes a private certificate, is not installed")
    path = tmp_path_factory.mktemp("certificate") / "private.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_name(f"{path.name}.crt").read_bytes())
    return path


@pytest.mark.parametrize("setting", ["MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_INSECURE_TLS"])
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_track__logs_to_a_server_with_a_private_certificate(server, certificate, in_tmp, monkeypatch, setting):
    gateway = Gateway(server.url, certificate)
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", gateway.url)
        with pytest.raises(UserError, match="CERTIFICATE_VERIFY_FAILED"), track(DESCRIPTION, seconds_to_open=3600):
            pass
        monkeypatch.setenv(setting, "true" if setting.endswith("TLS") else f"{certificate}.crt")
        log(f"train_{setting}")
        assert [run.info.status for run in server.runs(stage=f"train_{setting}")] == ["FINISHED"]
    finally:
        gateway.close()


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://ann:secret@host:5000/mlflow", "http://host:5000/mlflow"),
        ("postgresql://ann:s%40cret@host/db", "postgresql://host/db"),
        ("postgresql+psycopg2://ann:p@ss@host/db", "postgresql+psycopg2://host/db"),
        ("https://host/ann", "https://host/ann"),
    ],
)
def test_shown_uri__hides_name_and_password(monkeypatch, uri, shown):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert shown_uri() == shown
    added = "(raised as a result of Query-invoked autoflush; consider it)", "(Background on this error at: x)"
    assert brief(ValueError(f"{added[0]} no {uri} \n {added[1]}")) == f"no {shown}"


@pytest.mark.parametrize("uri", ["http://h:80a", "postgresql://ann:secret@h:54x/db", "http://[::1", "nonsense:/x"])
def test_mistyped_address__ends_in_one_message(in_tmp, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match="MLflow's store .* failed") as error:
        finished_trainings()
    assert "secret" not in str(error.value)


def test_without_secrets__hides_them_wherever_they_stand(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://ann:s%40cret@host/db")
    assert without_secrets('failed for user "ann" with s@cret, s%40cret; anna') == (
        'failed for user "***" with ***, ***; anna'
    )


@pytest.mark.parametrize("dialect", ["sqlite", "sqlite+pysqlite"])
def test_tracking_uri__relative_file_is_the_projects_also_in_experiments(in_tmp, monkeypatch, dialect):
    in_experiment(in_tmp / "root", monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{dialect}:///mlflow.db?timeout=5")
    assert tracking_uri() == f"{dialect}:///{in_tmp / 'root' / 'mlflow.db'}?timeout=5"
