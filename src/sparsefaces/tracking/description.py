"""What a run says of itself: parameters and tags."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_RUN_NAME, MLFLOW_RUN_NOTE, MLFLOW_SOURCE_NAME

from sparsefaces.base.cache import ANALYSIS_CODE, TRAINING_CODE, fingerprint, fingerprint_code
from sparsefaces.base.files import STAGES, sha256
from sparsefaces.base.params import ModelParams, Section, name_of
from sparsefaces.standardize.dataset import STANDARDIZE, Dataset, load_provenance

# What decides a result, by the names that Git knows.
CODE = ("src", "params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock")
PACKAGES = ("torch", "numpy", "scikit-learn", "dvc", "mlflow")
OF_EXPERIMENTS = {"dvc.experiment": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
Sections = Mapping[str, Section]


class Description(NamedTuple):
    """What a run is created with.

    Attributes:
        params: Parameters by name.
        tags: Tags by name; content.key names all that decides the result, MLflow's own the run and what its page says.
        diff: What differs from the commit in the code and the parameters; empty if nothing does.
    """

    params: dict[str, Any]
    tags: dict[str, str]
    diff: bytes = b""

    @property
    def fingerprint(self) -> str:
        """The name of all that decides the result."""
        return self.tags["content.key"]


def describe(stage: str, sections: Sections, data: Dataset, machine: Mapping[str, str] | None = None) -> Description:
    """Describe one stage's run.

    Args:
        stage: The stage.
        sections: The sections of params.yaml that it reads; their keys become the parameters' names, with the model's
            name before them if the stage compares models.
        data: The faces it works on.
        machine: Tags of where it runs; None for results found on disk, made who knows where and from what commit.
    """
    provenance, size = load_provenance(), "{} x {}".format(*data.shape)
    source, requested = provenance["source"], provenance["wanted"]
    models = {name: section for name, section in sections.items() if isinstance(section, ModelParams)}
    reads = {} if stage in models else {f"model.{name_of(name)}": model_hash(name) for name in models}
    params = _params(stage, sections) | {"data.source": source, "data.faces": len(data.X), "data.size": size}
    content = {"stage": stage, **{f"{name}.sha256": sha for name, sha in reads.items()}}
    content |= {"data.sha256": sha256(STANDARDIZE / "X.npy"), "split.sha256": sha256(STANDARDIZE / "split.npy")}
    content["code.sha256"] = fingerprint_code(*(ANALYSIS_CODE if reads else TRAINING_CODE))
    # Without what is at its default: a parameter that is new changes no older run's.
    differs = {name: one.model_dump(by_alias=True, exclude_defaults=True) for name, one in sections.items()}
    tags = {**content, "content.key": fingerprint({**content, "params": differs})}
    tags |= {"data.source": source, "data.wanted": requested}
    name = " and ".join(model.label for model in models.values())
    note = f"**{stage}** on {len(data.X):,} faces of {size} pixels from {source}."
    if source != requested:
        note += f"\n\n**Not {requested}**, which could not be reached: the embedded {source} faces."
    tags |= {MLFLOW_RUN_NAME: name if reads else f"{stage}, {name}", MLFLOW_RUN_NOTE: note}
    tags = resolve_tags(tags | {MLFLOW_SOURCE_NAME: f"dvc repro {stage}"})  # MLflow's own are user and commit
    if machine is None:
        tags.pop(MLFLOW_GIT_COMMIT, None)
        return Description(params, tags | {"restored": "from the stage's folder"})
    tags |= {**machine, "cpu": cpu_model(), "python": platform.python_version()}
    tags |= {f"version.{name}": version(name) for name in PACKAGES}
    tags |= {tag: os.environ[name] for tag, name in OF_EXPERIMENTS.items() if os.environ.get(name)}
    return Description(params, tags, _uncommitted())


def _params(stage: str, sections: Sections) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for name, section in sections.items():
        prefix = f"{name_of(name)}." if isinstance(section, ModelParams) and name != stage else ""
        params |= {f"{prefix}{key}": value for key, value in section.model_dump(by_alias=True).items()}
    return params


def model_hash(stage: str) -> str:
    """Hash the model that a training has left."""
    return sha256(STAGES / stage / "model.safetensors")


def cpu_model() -> str:
    """Name the processor's model; Linux alone keeps it in a file."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text(encoding="utf-8")) if info.exists() else None
    return found[1] if found else platform.machine()


def _uncommitted() -> bytes:
    """Show what differs from the commit in the code and the parameters; nothing without Git or a repository."""
    with suppress(OSError):
        command = ["git", "diff", "HEAD", "--", *CODE]
        return subprocess.run(command, capture_output=True, check=False).stdout  # noqa: S603 - fixed words
    return b""
