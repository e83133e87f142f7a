"""Reading and writing the stages' files: whole or not at all, and with one clear message when it fails."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from sparsefaces.errors import UserError

STAGES = Path("stages")
Value = TypeVar("Value")


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when the block ends well: write, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole."""
    with atomic(path) as file:
        file.write(data)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write one array as .npy."""
    with atomic(path) as file:
        np.save(file, array, allow_pickle=False)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as .npz."""
    with atomic(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def write_json(path: Path, value: object) -> None:
    """Write JSON that reads well in a diff; numbers must be finite."""
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def write_csv(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write rows with the columns of the first; floats in the shortest form that reads back the same."""
    text = io.StringIO()
    table = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def read_array(path: Path, ndim: int) -> NDArray[np.float32]:
    """Open a float32 .npy of so many dimensions, memory-mapped and read-only.

    Raises:
        UserError: The file is missing, damaged or holds something else.
    """
    with _reading(path):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype != np.float32 or array.ndim != ndim:
        raise UserError(f"{path} does not hold a float32 array of {ndim} dimensions: {_remake(path)}")
    return array


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read named arrays from .npz.

    Raises:
        UserError: The file is missing or damaged, or lacks one of the names.
    """
    with _reading(path), np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in names}


def read_json(path: Path, keys: Iterable[str]) -> dict[str, Any]:
    """Read a JSON object that has some keys.

    Raises:
        UserError: The file is missing or damaged, or lacks one of the keys.
    """
    with _reading(path):
        values = dict(json.loads(path.read_text(encoding="utf-8")))
    return _having(path, values, keys)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a table with a header as one dict a row.

    Raises:
        UserError: The file is missing or damaged.
    """
    with _reading(path), path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_history(path: Path) -> list[dict[str, float]]:
    """Read a history.csv.

    Raises:
        UserError: The file is missing or empty, lacks a column, or a cell is not a number.
    """
    with _reading(path):
        rows = [{name: float(cell) for name, cell in row.items()} for row in read_csv(path)]
    return [_having(path, row, ("step", "rec", "spa", "ent", "reg")) for row in rows or [{}]]


def sha256(path: Path) -> str:
    """Hash a file's bytes.

    Raises:
        UserError: The file is missing.
    """
    with _reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path} is missing: {_remake(path)}") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}): {_remake(path)}") from None


def _having(path: Path, values: dict[str, Value], keys: Iterable[str]) -> dict[str, Value]:
    missing = [key for key in keys if key not in values]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}: {_remake(path)}")
    return values


def _remake(path: Path) -> str:
    """Say how to get a file of a stage's folder again."""
    return f"make it again with `dvc repro -f -s {path.parent.name}`"
