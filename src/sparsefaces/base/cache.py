"""The cache: files that save work and are no results, in `.scratch`, which Git and DVC ignore."""

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sparsefaces.base.files import sha256

LIBRARY = Path(__file__).resolve().parents[1]
Arrays = dict[str, NDArray[Any]]
# The packages and files that decide a result, as dvc.yaml names them: a test holds both to the same.
TRAINING_CODE = ("base", "standardize", "metrics", "training")
ANALYSIS_CODE = (*TRAINING_CODE, "analyze", "report", "colors.py")


def project_root() -> Path:
    """Name the project's own folder, also from the copies of it that DVC makes for experiments.

    DVC_ROOT counts in such a copy alone: elsewhere it may be another project's, whose stage runs this one.
    """
    here = Path.cwd().resolve()
    root = Path(os.environ.get("DVC_ROOT", here)).resolve()
    copies = (root / ".dvc" / "tmp" / "exps").resolve()
    if copies not in here.parents:
        return here
    # exps/tmp... or exps/standalone/tmp..., and below it the place that the project has in its Git repository.
    below = here.relative_to(copies).parts
    inside = below[2 if below[0] == "standalone" else 1 :]
    return root if root.as_posix().endswith("/".join(["", *inside])) else here


def scratch_path(name: str) -> Path:
    """Name a scratch file, shared by all experiments of the project."""
    return project_root() / ".scratch" / name


def fingerprint_code(*parts: str, packages: tuple[str, ...] = ("numpy", "torch")) -> str:
    """Hash what computes: packages or files of this library, as they are on disk, and the versions of packages."""
    digest = hashlib.sha256()
    for part in parts:
        path = LIBRARY / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(LIBRARY).as_posix()} {sha256(file)}\n".encode())
    for package in packages:
        digest.update(f"{package} {version(package)}\n".encode())
    return digest.hexdigest()


def fingerprint(values: Mapping[str, Any]) -> str:
    """Hash values that JSON can hold into a short name for a file that depends on them."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
