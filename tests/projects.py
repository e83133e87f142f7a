"""A small project under real DVC and Git, and the commands that a user gives in it."""

import os
import shutil
import sys
from pathlib import Path

import yaml
from gates import Gate, Started

ROOT = Path(__file__).parents[1]
PARAMS = Path(__file__).with_name("params.yaml")  # of the projects that tests make
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
PIPELINE = (
    "src",
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
    ".gitattributes",
    ".dvc/config",
    ".dvc/plots",
)

# Variables of the machine's that would reach into a test.
PRIVATE = ("PYTEST_", "MLFLOW_", "DVC_", "GIT_", "SPARSEFACES_", "AWS_", "SLURM_", "TORCHELASTIC_")


class Project:
    """A project's folder and the commands a user gives in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # No run may reach a store, a cache or a Git identity of the machine's.
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(PRIVATE)}
        self.env |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "SCIKIT_LEARN_DATA": str(folder.parent / "no-scikit-learn-data"),
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@example.org",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.org",
        }

    def run(self, *command: str, code: int | None = 0, **env: str) -> str:
        """Run a command in the folder and return what it prints; `code` None takes any exit code."""
        return self.start(*command, **env).end(code)

    def start(self, *command: str, gate: Gate | None = None, **env: str) -> Started:
        """Start a command in the folder, behind a gate if there is one, and let it run."""
        return Started(command, self.folder, self.env | (gate.env if gate else {}) | env)

    def set_params(self, changes: dict) -> None:
        """Change keys of params.yaml, section by section."""
        path = self.folder / "params.yaml"
        values = yaml.safe_load(path.read_text())
        for section, keys in changes.items():
            values[section] |= keys
        path.write_text(yaml.safe_dump(values))

    def stages(self) -> list[str]:
        return list(yaml.safe_load((self.folder / "dvc.yaml").read_text())["stages"])

    def path(self, name: str) -> Path:
        return self.folder / "stages" / name

    def results(self) -> dict[str, bytes]:
        """Read every file that the stages left; a DVC that was killed may leave one of its own, which Git ignores."""
        files = (file for file in (self.folder / "stages").rglob("*") if file.is_file() and not file.match(".*.tmp"))
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in sorted(files)}


def make_project(folder: Path) -> Project:
    """Copy the pipeline, with tiny parameters, into a Git and DVC repository of its own."""
    for name in PIPELINE:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    shutil.copy(PARAMS, folder)
    (folder / "faces").mkdir()
    shutil.copy(ROOT / "faces/README.md", folder / "faces")
    project = Project(folder)
    project.run("git", "init", "-q", "-b", "main")
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "start")
    return project
