"""A small project under real DVC and Git, and the commands that a user gives in it."""

import os
import re
import shutil
import sys
from pathlib import Path

import yaml
from gates import GATE, Gate, Started
from mlflow import MlflowClient
from mlflow.entities import Run
from samples import PARAMS

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "tools", ".dvc/plots")
FILES = (".dvcignore", ".gitignore", ".gitattributes", ".dvc/config", "faces/README.md")

# Variables of the machine's, or of the library in this process, that would reach into a test's; without bytecode, each
# process would compile the library.
PRIVATE = ("PYTEST_", "MLFLOW_", "DVC_", "GIT_", "SPARSEFACES_", "TORCHELASTIC_", "PYTHONDONTWRITE")
PRIVATE += ("OMP_", "GOMP_", "MKL_", "OPENBLAS_")


class Project:
    """A project's folder and the commands a user gives in it."""

    output = ""  # of the command that made what is in it

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # No run may reach a store, a cache or a Git identity of the machine's.
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(PRIVATE)}
        self.env |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONPATH": os.pathsep.join((GATE, str(folder / "src"))),  # as it is installed for a user
            "SCIKIT_LEARN_DATA": str(folder.parent / "no-scikit-learn-data"),
            "LOKY_MAX_CPU_COUNT": "1",  # analyze's own processes would cost more by their imports than they save
        }
        names = [f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
        self.env |= dict.fromkeys(names, "t@example.org")

    def run(self, *command: str, code: int | None = 0, **env: str) -> str:
        """Run a command in the folder and return what it prints; `code` None takes any exit code."""
        return self.start(*command, **env).end(code)

    def start(self, *command: str, gate: Gate | None = None, terminal: bool = False, **env: str) -> Started:
        """Start a command in the folder, behind a gate if there is one, and let it run."""
        return Started(command, self.folder, self.env | (gate.env if gate else {}) | env, terminal=terminal)

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def set_params(self, changes: dict) -> None:
        """Change keys of params.yaml, section by section."""
        path = self.folder / "params.yaml"
        values = yaml.safe_load(path.read_text())
        for section, keys in changes.items():
            values[section] |= keys
        path.write_text(yaml.safe_dump(values))

    def copy(self, folder: Path) -> "Project":
        """Copy it as it is, with what its making printed."""
        project = Project(shutil.copytree(self.folder, folder, symlinks=True))
        project.output = self.output
        return project

    @property
    def client(self) -> MlflowClient:
        """MLflow's client of the project's own store."""
        return MlflowClient(tracking_uri=f"sqlite:///{self.folder / 'mlflow.db'}")

    def runs(self, condition: str = "") -> list[Run]:
        """Search the project's own store for runs, the newest first."""
        return list(self.client.search_runs(["1"], condition))

    def path(self, name: str) -> Path:
        return self.folder / "stages" / name

    def results(self) -> dict[str, bytes]:
        """Read every file that the stages left; a DVC that was killed may leave one of its own, which Git ignores."""
        files = (file for file in (self.folder / "stages").rglob("*") if file.is_file() and not file.match(".*.tmp"))
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in sorted(files)}


def read_pipeline() -> str:
    """Read dvc.yaml without the user's further models, of which tests/params.yaml knows nothing."""
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    for model in set(re.findall(r"^  (train_\w+):", text, re.MULTILINE)) - set(yaml.safe_load(PARAMS.read_text())):
        stage, elsewhere = rf"^  {model}:\n(?:(?:    .*)?\n)+", rf"^.*\b{model}\b.*\n"
        text = re.sub(f"{stage}|{elsewhere}", "", text, flags=re.MULTILINE)
    return text


def make_project(folder: Path) -> Project:
    """Copy the pipeline, with tiny parameters, into a Git and DVC repository of its own."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(PARAMS, folder)
    (folder / "dvc.yaml").write_text(read_pipeline(), encoding="utf-8")
    project = Project(folder)
    project.run("git", "init", "-q", "-b", "main")
    project.commit("start")
    return project
