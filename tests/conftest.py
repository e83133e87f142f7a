"""Fixtures: a finished project, faces that differ, stores and servers of MLflow's."""

import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from filelock import FileLock
from gates import end_all

import sparsefaces  # noqa: F401 - before NumPy's and torch's libraries are loaded: sets how they wait and round

gc.set_threshold(200_000)  # as in gate/sitecustomize.py
# What takes seconds to import is imported where it is used: pytest's first process only hands out the tests.
if TYPE_CHECKING:
    from projects import Project

THEIRS = tuple(str(Path(__file__).parents[1] / name) for name in ("params.yaml", "dvc.lock", "stages/"))
collect_ignore_glob = ["*conftest.py", "*sitecustomize.py"]  # no modules with examples

# Ctrl-C is tested: a shell that runs `make test` in the background lets all that it starts ignore it.
# SIGTERM ends the tests as Ctrl-C does, and with them what they have started.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.default_int_handler)

# What the machine sets of MLflow, such as the server of its user, is forgotten; then the library sets its own.
for name in [name for name in os.environ if name.lstrip("_").startswith("MLFLOW_")]:
    if name != "MLFLOW_DISABLE_TELEMETRY":
        del os.environ[name]


def pytest_configure() -> None:
    """Keep tests to their own values."""
    sys.addaudithook(_keep_out)


def pytest_collection() -> None:
    """Let a property's examples take their time: how long is the machine's business."""
    import hypothesis

    hypothesis.settings.register_profile("patient", deadline=None)
    hypothesis.settings.load_profile("patient")


def _keep_out(event: str, arguments: tuple) -> None:
    """Refuse to open what a user's change of the project changes: only tests/committed may look at it."""
    if event == "open" and isinstance(arguments[0], (str, Path)) and str(arguments[0]).startswith(THEIRS):
        test = os.environ.get("PYTEST_CURRENT_TEST", "")
        assert test.startswith("tests/committed/"), f"{test} opens {arguments[0]}: tests bring their own values"


def pytest_unconfigure() -> None:
    """Let nothing that a test has started outlive the tests."""
    end_all()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pytest's workers share: the first of them makes what takes long for all."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def finished(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> "Project":
    """A project after `make repro`, of which each worker has a copy; tests read it and leave it as it is."""
    from projects import Project, make_project

    folder, said = shared / "first" / "project", shared / "first" / "output.txt"
    with FileLock(shared / "first.lock"):
        if not said.exists():
            project = make_project(folder)
            output = project.run("tools/repro.sh", LOKY_MAX_CPU_COUNT="2")  # both trainings at once
            project.commit("results")
            said.write_text(output, encoding="utf-8")
    project = Project(folder).copy(tmp_path_factory.mktemp("finished") / "project")
    project.output = said.read_text(encoding="utf-8")
    return project


@pytest.fixture
def copied(finished: "Project", tmp_path: Path) -> "Project":
    """A copy of the finished project for a test that changes it."""
    return finished.copy(tmp_path / "project")


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, with no store of the machine's in sight."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def empty_store(shared: Path) -> Path:
    """A store with its tables and nothing else: making one takes seconds, copying it does not."""
    from mlflow import MlflowClient

    path = shared / "mlflow.db"
    with FileLock(shared / "store.lock"):
        MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def faces() -> np.ndarray:
    """Sixty different faces of 6 x 5 pixels."""
    return np.random.default_rng(0).random((60, 6, 5), dtype=np.float32)
