"""What a run says of itself: parameters and tags."""

import hashlib
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlflow.utils.mlflow_tags import (
    MLFLOW_GIT_COMMIT,
    MLFLOW_RUN_NAME,
    MLFLOW_RUN_NOTE,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
)

from sparsefaces.base.cache import ANALYSIS_CODE, TRAINING_CODE, code_hash, key_of
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import read_array, sha256
from sparsefaces.base.params import label_of
from sparsefaces.base.words import FACES
from sparsefaces.colors import QUIET, color_of_model
from sparsefaces.standardize.dataset import STANDARDIZE, Dataset, load_provenance
from sparsefaces.tracking.address import notify
from sparsefaces.tracking.commands import ask, read_now

# What decides a result; metrics and pictures that a rerun changes do not make a tree dirty.
CODE = ("src", "params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock")
PACKAGES = ("torch", "numpy", "scikit-learn", "dvc", "mlflow")
RUN_COLOR, LOGGED_IMAGES = "mlflow.runColor", "mlflow.loggedImages"  # the UI's tags, without a name in MLflow's Python
OF_EXPERIMENTS = {"dvc.experiment": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
Sections = Mapping[str, Mapping[str, Any]]


class Description(NamedTuple):
    """What a run is created with.

    Attributes:
        stage: The stage.
        params: Parameters by name.
        tags: Tags by name; data.source and data.sha256 name the data, MLflow's own the run and what its page says.
        inputs: SHA-256 by name of what it reads.
        recorded: MD5 of what DVC has on record as the stage's results.
        diff: What differs from the commit in the code and the parameters, as text; empty if nothing does.
    """

    stage: str
    params: dict[str, Any]
    tags: dict[str, str]
    inputs: Mapping[str, str] = {}
    recorded: Sequence[str] = ()
    diff: str = ""


def describe(
    stage: str,
    sections: Sections,
    data: Dataset,
    reads: Mapping[str, str],
    machine: Mapping[str, str] | None = None,
) -> Description:
    """Describe one stage's run.

    Args:
        stage: The stage.
        sections: The sections of params.yaml that it reads; their keys become the parameters' names.
        data: The faces it works on.
        reads: SHA-256 by name of the models that it reads.
        machine: Tags of where it runs; None for results found on disk, made who knows where and from what commit.

    Raises:
        UserError: The record of the data cannot be read.
    """
    record = load_provenance()
    source, wanted = record["source"], record["wanted"]
    size = f"{data.shape[0]} x {data.shape[1]}"
    if (record["images"], record["height"], record["width"]) != (len(data.X), *data.shape):
        said = f"{record['images']} images of {record['height']} x {record['width']}"
        raise UserError(f"stages/fetch has {said}, stages/standardize {len(data.X)} of {size}: run `dvc repro`")
    params = {key: value for section in sections.values() for key, value in section.items()}
    params |= {"data.source": source, "data.faces": len(data.X), "data.size": size}
    if not data.trains.all():
        params["data.held_out"] = int((~data.trains).sum())
    tags = {"stage": stage, "data.source": source, "data.wanted": wanted, "data.sha256": data_hash()}
    code = code_hash(*(ANALYSIS_CODE if reads else TRAINING_CODE))  # a comparison reads models
    identity = {**{f"{name}.sha256": digest for name, digest in reads.items()}, "code.sha256": code}
    tags |= identity
    tags["content.key"] = key_of({"stage": stage, "params": sections, "data": tags["data.sha256"], **identity})
    diff = ""
    if machine is None:
        tags["restored"] = "logged from the stage's folder, not while it ran"
    else:
        tags |= {**machine, "cpu": cpu_model(), "python": platform.python_version()}
        tags |= {f"version.{name}": version(name) for name in PACKAGES}
        tags |= {tag: os.environ[name] for tag, name in OF_EXPERIMENTS.items() if os.environ.get(name)}
        commit, diff = _git()
        tags |= commit
    note = f"**{stage}** on {len(data.X):,} {FACES} of {size} pixels from {source}."
    if source != wanted:
        note += f"\n\n**Not {wanted}**, which could not be reached: the embedded {source} {FACES}."
    tags |= _shown(stage, params, note)
    inputs = {source: tags["data.sha256"], **reads}
    results = [out["md5"] for out in recorded(stage).get("outs", [])]
    return Description(stage, params, tags, inputs, results, diff)


def _shown(stage: str, params: Mapping[str, Any], note: str) -> dict[str, str]:
    """Make the tags by which MLflow's pages name, colour and explain the run."""
    tags = {MLFLOW_RUN_NOTE: note, MLFLOW_SOURCE_NAME: f"dvc repro {stage}", MLFLOW_SOURCE_TYPE: "LOCAL"}
    if "lambda" not in params:
        return {**tags, MLFLOW_RUN_NAME: stage, RUN_COLOR: QUIET}
    name = f"{stage}, {label_of(params)}"  # a model's, whose training logs pictures
    return {**tags, MLFLOW_RUN_NAME: name, RUN_COLOR: color_of_model(params), LOGGED_IMAGES: "True"}


def data_hash() -> str:
    """Hash the data that trainings read: the bytes of X.npy, and with them the split if faces are held out.

    Raises:
        UserError: It is missing.
    """
    digest, split = sha256(STANDARDIZE / "X.npy"), STANDARDIZE / "split.npy"
    if read_array(split, ndim=1, dtype=np.bool_).all():
        return digest
    return hashlib.sha256(f"{digest} {sha256(split)}".encode()).hexdigest()


def recorded(stage: str) -> Mapping[str, Any]:
    """Read from dvc.lock what DVC has on record of a stage; nothing if it has none.

    Raises:
        UserError: dvc.lock is damaged.
    """
    record: Mapping[str, Any] = (read_now("dvc.lock") or {}).get("stages", {}).get(stage, {})
    return record


def cpu_model() -> str:
    """Name the processor's model; Linux alone keeps it in a file."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git() -> tuple[dict[str, str], str]:
    """Name the commit, and show what differs from it in the code and the parameters: files, then lines."""
    commit = _output("git", "rev-parse", "HEAD")
    if commit is None:
        return {}, ""
    tags = {"git.commit": commit, MLFLOW_GIT_COMMIT: commit}
    status = _output("git", "status", "--porcelain", "--untracked-files=normal", "--", *CODE)
    if not status:
        return {**tags, "git.dirty": "false"}, ""
    plain = ("--no-color", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/")
    lines = _output("git", "diff", *plain, "HEAD", "--", *CODE)
    return {**tags, "git.dirty": "true"}, f"{status}\n\n{lines}\n"


def _output(*command: str) -> str | None:
    try:
        done = ask(*command)
    except OSError:
        return None
    if "safe.directory" in done.stderr:  # a folder of another user, as in a container: Git says what to do
        notify(f"warning: the run has no commit: {done.stderr.strip()}")
    return None if done.returncode else done.stdout.strip()
