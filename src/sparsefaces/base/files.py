"""Reading and writing the stages' files; what is written appears whole or not at all."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STAGES = Path("stages")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: write, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write one array as .npy."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    write_bytes(path, file.getvalue())


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as .npz."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    write_bytes(path, file.getvalue())


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


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a table with a header as one dict per row."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_history(path: Path) -> list[dict[str, float]]:
    """Read a history.csv."""
    return [{name: float(cell) for name, cell in row.items()} for row in read_csv(path)]


def sha256(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
