"""What a run says of itself: parameters, tags and a note, gathered without MLflow."""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from sparsefaces.datasets import STANDARDIZE, Dataset
from sparsefaces.errors import UserError
from sparsefaces.files import sha256
from sparsefaces.params import MachineParams

# What decides a result; metrics and pictures that a rerun changes do not make a tree dirty.
CODE = ("src", "params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock")
PACKAGES = ("torch", "numpy", "scikit-learn", "dvc", "mlflow")
Sections = Mapping[str, Mapping[str, Any]]


class Facts(NamedTuple):
    """What a run is created with.

    Attributes:
        stage: The stage, which names the run.
        params: Parameters by name.
        tags: Tags by name.
        note: Markdown that opens the run's page.
        data: Digest of the data, for MLflow's data set input.
        source: Name of the data.
    """

    stage: str
    params: dict[str, Any]
    tags: dict[str, str]
    note: str
    data: str
    source: str


def gather(stage: str, sections: Sections, data: Dataset, machine: MachineParams | None = None) -> Facts:
    """Gather the facts of one stage's run.

    Args:
        stage: The stage.
        sections: The sections of params.yaml that it reads; their keys become the parameters' names.
        data: The faces it works on.
        machine: Where it runs; None for results found on disk, made who knows where.

    Raises:
        UserError: The data cannot be read.
    """
    digest = data_hash()
    height, width = data.shape
    params = {key: value for section in sections.values() for key, value in section.items()}
    params |= {"data.source": data.source, "data.faces": len(data.X), "data.size": f"{height} x {width}"}
    tags = {"stage": stage, "data.source": data.source, "data.wanted": data.wanted, "data.sha256": digest}
    if machine is None:
        tags["restored"] = "logged from the stage's folder, not while it ran"
    else:
        tags |= {
            "device": machine.device,
            "threads": str(machine.threads),
            "python": platform.python_version(),
        }
        tags |= {f"version.{name}": version(name) for name in PACKAGES}
    tags |= _git() | _dvc()
    note = f"**{stage}** on {len(data.X):,} faces of {height} x {width} pixels from {data.source}."
    if data.source != data.wanted:
        note += f"\n\n**Not {data.wanted}**, which could not be reached: the embedded {data.source} faces."
    return Facts(stage, params, tags, note, digest, data.source)


def data_hash() -> str:
    """Hash the data that trainings read, the bytes of X.npy.

    Raises:
        UserError: It is missing.
    """
    return sha256(STANDARDIZE / "X.npy")


def recorded_params(stage: str) -> Sections:
    """Read from dvc.lock the parameters that a stage's folder was made with; none where DVC has no record.

    Raises:
        UserError: dvc.lock is not valid YAML.
    """
    path = Path("dvc.lock")
    if not path.is_file():
        return {}
    try:
        lock = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML ({error}): git restore {path}") from None
    recorded: Sections = lock.get("stages", {}).get(stage, {}).get("params", {}).get("params.yaml", {})
    return recorded


def _git() -> dict[str, str]:
    commit = _output("git", "rev-parse", "HEAD")
    if commit is None:
        return {}
    dirty = _output("git", "status", "--porcelain", "--", *CODE)
    return {"git.commit": commit, "git.dirty": str(bool(dirty)).lower()}


def _dvc() -> dict[str, str]:
    names = {"dvc.experiment": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
    return {tag: os.environ[name] for tag, name in names.items() if os.environ.get(name)}


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
