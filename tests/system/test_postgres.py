"""Runs in a PostgreSQL that asks for a login."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from servers import free_port

LOGIN, WRONG = "mlflow:pa55word", "mlflow:b4d-pa55word"
INITDB = shutil.which("initdb") or max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)  # Debian's
pytestmark = pytest.mark.skipif(
    INITDB is None and "CI" not in os.environ, reason="no PostgreSQL: install your system's package postgresql"
)


@pytest.fixture
def postgres():
    """The host and the database of a new PostgreSQL on a free port."""
    folder, binaries, port = Path(tempfile.mkdtemp(prefix="pg")), Path(INITDB).parent, free_port()
    (folder / "password").write_text(LOGIN.partition(":")[2])
    user = {}
    if os.geteuid() == 0:  # which it refuses to run as
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")

    def run(command, *arguments):
        full = [str(binaries / command), "-D", f"{folder}/data", *arguments]
        subprocess.run(full, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)

    run("initdb", "-U", "mlflow", "--auth=scram-sha-256", f"--pwfile={folder}/password", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    run("pg_ctl", "-w", "-o", options, "-l", f"{folder}/log", "start")
    yield f"127.0.0.1:{port}/postgres"
    run("pg_ctl", "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder)


def test_postgres__takes_the_runs_and_its_login_is_never_printed(copied, postgres):
    for login, code, words in (WRONG, 1, postgres), (LOGIN, 0, "logged train_dense, train_sparse, analyze"):
        said = copied.run("python", "src/track.py", code=code, MLFLOW_TRACKING_URI=f"postgresql://{login}@{postgres}")
        assert words in said
        assert "Traceback" not in said
        assert login.partition(":")[2] not in said
