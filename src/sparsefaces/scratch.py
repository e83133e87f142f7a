"""Scratch: files that save work and are no results, in `.scratch`, which Git and DVC ignore."""

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

TRAINING_CODE = ("batches", "engine", "objective", "training", "weights")  # what decides a training's bits


def project_root() -> Path:
    """Name the project's own folder, also from the copies of it that DVC makes for experiments."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def scratch_path(name: str) -> Path:
    """Name a scratch file, shared by all experiments of the project."""
    return project_root() / ".scratch" / name


def code_hash(*modules: str) -> str:
    """Hash what computes: the source of modules of this package, and the versions of the array libraries."""
    digest = hashlib.sha256()
    for name in modules:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    for package in ("numpy", "torch"):
        digest.update(f"{package} {version(package)}\n".encode())
    return digest.hexdigest()


def key_of(values: Mapping[str, Any]) -> str:
    """Hash values that JSON can hold into a short name for a file that depends on them."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
