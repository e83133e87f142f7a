"""Reading and writing the stages' files: whole or not at all, and with one clear message when it fails."""

import csv
import hashlib
import io
import json
import math
import os
import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from types import UnionType
from typing import Any, BinaryIO, NoReturn
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.errors import UserError

STAGES = Path("stages")
# What parsers raise when a file's content is not what it should be; an array's header is a piece of Python.
NO_JSON: tuple[type[Exception], ...] = (ValueError, RecursionError)
NO_CSV: tuple[type[Exception], ...] = (ValueError, csv.Error)
NO_ARRAY: tuple[type[Exception], ...] = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EOFError)
NO_ARRAY += (SyntaxError, TokenError, RuntimeError, MemoryError, BadZipFile, zlib.error, struct.error)


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when the block ends well: write, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with writing(path):
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name what could not be written: the error of a full disk names no file."""
    try:
        yield
    except OSError as error:
        raise error if error.filename else UserError(f"{path} cannot be written ({error}): make room there") from None


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole."""
    with atomic(path) as file:
        file.write(data)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write one array as .npy."""
    with atomic(path) as file:
        np.save(file, array, allow_pickle=False)


def write_rows(path: Path, shape: tuple[int, ...], parts: Iterable[NDArray[np.float32]]) -> None:
    """Write one array of float32 as .npy, as `write_array` does, from parts of its rows in order."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": shape}
    with atomic(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part).data)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as .npz."""
    with atomic(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def write_json(path: Path, value: object) -> None:
    """Write JSON that reads well in a diff; numbers must be finite."""
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def write_csv(path: Path, rows: Sequence[Mapping[str, float | str | None]]) -> None:
    """Write rows with the columns of the first; floats in the shortest form that reads back the same, None empty."""
    text = io.StringIO()
    table = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def read_array(path: Path, ndim: int, dtype: type[Any] = np.float32) -> NDArray[Any]:
    """Open a .npy of one type and so many dimensions, memory-mapped and read-only.

    Raises:
        UserError: The file is missing, damaged or holds something else.
    """
    with reading(path, *NO_ARRAY):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
        raise UserError(f"{path} does not hold a {np.dtype(dtype)} array of {ndim} dimensions: {remake(path)}")
    return array


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read named arrays from .npz.

    Raises:
        UserError: The file is missing or damaged, or lacks one of the names.
    """
    with reading(path, *NO_ARRAY), np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in names}


def read_json(path: Path, types: Mapping[str, type | UnionType]) -> dict[str, Any]:
    """Read a JSON object that has values of some types under some keys.

    Raises:
        UserError: The file is missing or damaged, or lacks one of the values.
    """
    with reading(path, *NO_JSON):
        values = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    known = values if isinstance(values, dict) else {}
    _having(path, [key for key in types if key in known and isinstance(known[key], types[key])], types)
    return known


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a table with a header as one dict per row.

    Raises:
        UserError: The file is missing or damaged.
    """
    with reading(path, *NO_CSV), path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_history(path: Path) -> list[dict[str, float]]:
    """Read a history.csv.

    Raises:
        UserError: The file is missing or empty, lacks a column, or a cell is not a number.
    """
    table = read_csv(path)
    with reading(path, ValueError, TypeError):  # a cell that is no number, too many cells or too few
        rows = [{name: float(cell) for name, cell in row.items()} for row in table]
        if any(math.isnan(number) for row in rows for number in row.values()):
            raise ValueError("it holds NaN")
    _having(path, rows[0] if rows else (), ("step", "rec", "spa", "ent", "reg"))
    return rows


def sha256(path: Path) -> str:
    """Hash a file's bytes.

    Raises:
        UserError: The file is missing.
    """
    return _digest(path, hashlib.sha256)


def md5(path: Path) -> str:
    """Hash a file's bytes as DVC does.

    Raises:
        UserError: The file is missing.
    """
    return _digest(path, lambda: hashlib.md5(usedforsecurity=False))


def _digest(path: Path, algorithm: Callable[[], Any]) -> str:
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


@contextmanager
def reading(path: Path, *damage: type[Exception]) -> Iterator[None]:
    """Turn what its parser raises at a stage's file into one clear message; to be put around the parser alone."""
    unreadable: tuple[type[Exception], ...] = (OSError, *damage)
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`") from None
    except unreadable as error:
        raise UserError(f"{path} cannot be read ({error}): {remake(path)}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it holds {constant}, which is no number")


def _having(path: Path, names: Collection[str], wanted: Iterable[str]) -> None:
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}: {remake(path)}")


def remake(path: Path) -> str:
    """Say how to get a file of a stage's folder again."""
    return f"make it again with `dvc repro -f -s {path.parent.name}`"
