"""What a run says of itself: parameters and tags."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from mlflow.utils.mlflow_tags import (
    MLFLOW_GIT_COMMIT,
    MLFLOW_RUN_NAME,
    MLFLOW_RUN_NOTE,
    MLFLOW_SOURCE_NAME,
)

from sparsefaces.base.cache import ANALYSIS_CODE, TRAINING_CODE, fingerprint, fingerprint_code
from sparsefaces.base.files import sha256
from sparsefaces.base.params import Section, label_of, read_yaml
from sparsefaces.standardize.dataset import STANDARDIZE, Dataset, load_provenance

# What decides a result; metrics and pictures that a rerun changes do not make a tree dirty.
CODE = ("src", "params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock")
PACKAGES = ("torch", "numpy", "scikit-learn", "dvc", "mlflow")
OF_EXPERIMENTS = {"dvc.experiment": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
Sections = Mapping[str, Section]


class Description(NamedTuple):
    """What a run is created with.

    Attributes:
        stage: The stage.
        params: Parameters by name.
        tags: Tags by name; content.key names all that decides the result, MLflow's own the run and what its page says.
        inputs: SHA-256 by name of what it reads.
        diff: What differs from the commit in the code and the parameters, for `git apply`; empty if nothing does.
    """

    stage: str
    params: dict[str, Any]
    tags: dict[str, str]
    inputs: Mapping[str, str] = {}
    diff: bytes = b""

    @property
    def fingerprint(self) -> str:
        """The name of all that decides the result."""
        return self.tags["content.key"]


def describe(
    stage: str,
    sections: Sections,
    data: Dataset,
    reads: Mapping[str, str] = MappingProxyType({}),
    machine: Mapping[str, str] | None = None,
) -> Description:
    """Describe one stage's run.

    Args:
        stage: The stage.
        sections: The sections of params.yaml that it reads; their keys become the parameters' names.
        data: The faces it works on.
        reads: SHA-256 by name of the models that it reads.
        machine: Tags of where it runs; None for results found on disk, made who knows where and from what commit.
    """
    provenance, size = load_provenance(), "{} x {}".format(*data.shape)
    source, requested = provenance["source"], provenance["wanted"]
    params = {key: value for section in sections.values() for key, value in section.model_dump(by_alias=True).items()}
    params |= {"data.source": source, "data.faces": len(data.X), "data.size": size}
    content = {"stage": stage, "data.sha256": data_hash(), **{f"{name}.sha256": sha for name, sha in reads.items()}}
    content["code.sha256"] = fingerprint_code(*(ANALYSIS_CODE if reads else TRAINING_CODE))  # a comparison reads models
    # Without what is at its default: a parameter that is new changes no older run's.
    differs = {name: one.model_dump(by_alias=True, exclude_defaults=True) for name, one in sections.items()}
    tags = {**content, "content.key": fingerprint({**content, "params": differs})}
    tags |= {"data.source": source, "data.wanted": requested}
    name = f"{stage}, {label_of(params)}" if "lambda" in params else stage
    note = f"**{stage}** on {len(data.X):,} faces of {size} pixels from {source}."
    if source != requested:
        note += f"\n\n**Not {requested}**, which could not be reached: the embedded {source} faces."
    tags |= {MLFLOW_RUN_NAME: name, MLFLOW_RUN_NOTE: note, MLFLOW_SOURCE_NAME: f"dvc repro {stage}"}
    inputs = {source: content["data.sha256"], **reads}
    if machine is None:
        return Description(stage, params, tags | {"restored": "from the stage's folder"}, inputs)
    tags |= {**machine, "cpu": cpu_model(), "python": platform.python_version()}
    tags |= {f"version.{name}": version(name) for name in PACKAGES}
    tags |= {tag: os.environ[name] for tag, name in OF_EXPERIMENTS.items() if os.environ.get(name)}
    commit, diff = _git()
    return Description(stage, params, tags | commit, inputs, diff)


def data_hash() -> str:
    """Hash the data that trainings read: the bytes of X.npy, and with them the split if faces are held out.

    Raises:
        UserError: It is missing.
    """
    digest, split = sha256(STANDARDIZE / "X.npy"), STANDARDIZE / "split.npy"
    if np.load(split).all():
        return digest
    return hashlib.sha256(f"{digest} {sha256(split)}".encode()).hexdigest()


def locked_params(stage: str) -> Mapping[str, Any]:
    """Read from dvc.lock the sections of params.yaml that a stage was made with."""
    sections: Mapping[str, Any] = read_yaml(Path("dvc.lock").read_text(encoding="utf-8"))["stages"][stage]["params"]
    return dict(sections["params.yaml"])


def cpu_model() -> str:
    """Name the processor's model; Linux alone keeps it in a file."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git() -> tuple[dict[str, str], bytes]:
    """Name the commit, and show as a patch what differs from it in the code and the parameters, new files too."""
    # Plumbing does not read the settings of how `git diff` shows things, which would spoil a patch.
    env = {name: value for name, value in os.environ.items() if name != "GIT_DIFF_OPTS"}

    def git(command: str, *paths: str) -> bytes:
        words = ["git", *command.split(), *paths]
        return subprocess.run(words, env=env, capture_output=True, check=True).stdout  # noqa: S603 - no shell

    try:
        with TemporaryDirectory() as folder:
            env["GIT_INDEX_FILE"] = f"{folder}/index"  # the user's own may be told to overlook changes
            commit = git("rev-parse HEAD").decode().strip()
            git("read-tree HEAD")
            known = [path for path in CODE if git("ls-files --cached --others --exclude-standard --", path)]
            git("add --all --", *known)
            diff = git("diff-index --cached --binary HEAD --", *CODE)
    except (OSError, subprocess.CalledProcessError):  # no Git, or no repository
        return {}, b""
    return {MLFLOW_GIT_COMMIT: commit, "git.commit": commit, "git.dirty": str(bool(diff)).lower()}, diff
