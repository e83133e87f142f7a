"""The cache: files that save work and are no results, in `.scratch`, which Git and DVC ignore."""

import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.environment import LIBRARY
from sparsefaces.base.files import sha256, write_bytes
from sparsefaces.base.locks import locked

Arrays = dict[str, NDArray[Any]]
DIGEST = hashlib.sha256().digest_size
MOST_CACHED = 8  # of a name, the files that were used last
# The packages and files that decide a result, as dvc.yaml names them: a test holds both to the same.
TRAINING_CODE = ("base", "standardize", "measures", "training")
ANALYSIS_CODE = (*TRAINING_CODE, "analyze", "report", "colors.py", "metrics.py")


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


def code_hash(*parts: str, packages: tuple[str, ...] = ("numpy", "torch")) -> str:
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


def key_of(values: Mapping[str, Any]) -> str:
    """Hash values that JSON can hold into a short name for a file that depends on them."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def cache_path(name: str, key: str) -> Path:
    """Name the file of what is cached under a name, a path below the scratch folder, and a key."""
    return scratch_path(f"{name}-{key}.npz")


def load_cached(name: str, key: str) -> Arrays | None:
    """Read named arrays that are cached under a name and a key; None if they are not, or are damaged.

    Args:
        name: What they are, a path below the scratch folder.
        key: What they depend on, from `key_of`.
    """
    path = cache_path(name, key)
    if not path.is_file():
        return None
    data = path.read_bytes()
    if hashlib.sha256(data[DIGEST:]).digest() != data[:DIGEST]:
        print(f"{path} is damaged (its checksum is wrong) and ignored: made again", flush=True)
        return None
    os.utime(path)
    with np.load(io.BytesIO(data[DIGEST:]), allow_pickle=False) as file:
        return dict(file)


def save_cached(name: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Cache named arrays under a name and a key, and forget the name's files that were not used for longest.

    All of the file is under its checksum, with which it begins.
    """
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    data = file.getvalue()
    path = cache_path(name, key)
    with locked(path.with_name(".lock")):  # experiments that run at once would write into the same file
        write_bytes(path, hashlib.sha256(data).digest() + data)
        others = path.parent.glob(f"{path.name.removesuffix(f'-{key}.npz')}-*.npz")
        for old in sorted(others, key=lambda p: p.stat().st_mtime)[:-MOST_CACHED]:
            old.unlink(missing_ok=True)


def cached(name: str, key: str, make: Callable[[], Arrays], label: str) -> Arrays:
    """Find arrays in the scratch folder, or make them, saying so on the terminal, and cache them there.

    Of experiments that want the same at once, one makes it and the others wait.
    """
    with locked(scratch_path(f"{name}.lock")):
        arrays = load_cached(name, key)
        if arrays is None:
            print(f"{label} (once; cached in .scratch)", flush=True)
            start = time.monotonic()
            arrays = make()
            print(f"{label}: took {time.monotonic() - start:.0f} s", flush=True)
            save_cached(name, key, arrays)
    return arrays
