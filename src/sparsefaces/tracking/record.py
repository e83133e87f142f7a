"""A run on disk, written as it happens and before MLflow hears of it: no kill and no outage loses what stands here.

A record is a folder, `.scratch/runs/STAGE-KEY-ID`, with

- `run.json`: what the run is created with, its status, and what it ends with,
- `rows.jsonl`: its numbers, each as [name, number, time in ms since 1970, step],
- `files/`: its artifacts, under the names that they have in the run; the pictures, too,
- `model/`: what its registered model is made of,
- `sent.json`: how far MLflow has it,
- `.lock`: the lock of the process that writes it.
"""

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

from mlflow.entities import Metric

from sparsefaces.base.cache import scratch_path
from sparsefaces.base.files import write_bytes
from sparsefaces.base.locks import try_lock
from sparsefaces.tracking.description import Description

MOST_KEPT = 20  # records of a stage: the next run of the same content may need one that MLflow has whole
OVER = ("FINISHED", "FAILED", "KILLED")


def now_ms() -> int:
    """Read the clock in milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)


def nothing_sent() -> dict[str, Any]:
    """Say that MLflow has nothing of a record."""
    return {"run_id": None, "values": 0, "files": [], "status": None, "left_out": {}, "done": False}


class Record:
    """One record, whose lock this process holds until it closes it or ends, however it ends.

    Attributes:
        folder: Its folder.
        run: What run.json holds.
        sent: How far MLflow has it: the run's id, the number of values, names of files, the status; whether that is
            all; and `left_out`, what MLflow refused and why.
        opened: Whether this process has made sure that MLflow has its run.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any] | None = None) -> None:
        """Take a record, or begin one, of a run.

        Raises:
            OSError: Another process has it, or it is not there.
            ValueError: It is damaged.
        """
        lock = try_lock(folder / ".lock")
        if lock is None:
            raise BlockingIOError(f"{folder} is another process's")
        self.folder, self.opened, self._lock = folder, False, lock
        if run is not None:
            _write(folder / "run.json", run)
        self.run: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        path = folder / "sent.json"
        sent = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.sent: dict[str, Any] = nothing_sent() | sent
        self._rows = folder / "rows.jsonl"
        self._rows.touch()
        # A process may have been killed while it wrote a line.
        os.truncate(self._rows, self._rows.read_bytes().rfind(b"\n") + 1)

    @cached_property
    def _values(self) -> dict[tuple[str, int], Metric]:
        values = [Metric(*json.loads(line)) for line in self._rows.read_bytes().splitlines()]
        return {(value.key, value.step): value for value in values}

    @property
    def id(self) -> str:
        """Its own name, which its run bears as a tag."""
        return self.folder.name

    def close(self) -> None:
        """Let another process have it."""
        self._lock.close()

    def delete(self) -> None:
        """Remove it: nobody wants it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def update(self, **changes: Any) -> None:  # noqa: ANN401 - what JSON can hold
        """Write changes into run.json; MLflow does not have them yet."""
        self.run |= changes
        _write(self.folder / "run.json", self.run)
        self.note(done=False)

    def note(self, **changes: Any) -> None:  # noqa: ANN401 - as above
        """Write down how far MLflow has it."""
        self.sent |= changes
        _write(self.folder / "sent.json", self.sent)

    def values(self) -> list[Metric]:
        """List its values, in the order in which they were taken."""
        return list(self._values.values())

    def add_values(self, values: Iterable[Metric]) -> None:
        """Append values; those of a name and step that it has already are left out."""
        fresh = {(one.key, one.step): one for one in values if (one.key, one.step) not in self._values}
        rows = [json.dumps([one.key, one.value, one.timestamp, one.step]) for one in fresh.values()]
        with self._rows.open("ab") as file:
            file.write("".join(f"{row}\n" for row in rows).encode())
        self._values.update(fresh)

    def add_file(self, name: str, data: bytes) -> None:
        """Keep an artifact under its name in the run, in the place of what has the name already."""
        write_bytes(self.folder / "files" / name, data)
        if name in self.sent["files"]:
            self.note(files=[sent for sent in self.sent["files"] if sent != name])

    def has_file(self, prefix: str) -> bool:
        """Tell whether there is, or was, an artifact whose name starts so."""
        return any(name.startswith(prefix) for name in [*self.sent["files"], *self.files()])

    def files(self) -> list[str]:
        """List the names of the artifacts that are here."""
        top = self.folder / "files"
        return sorted(str(file.relative_to(top)) for file in top.rglob("*") if file.is_file() and file.name[0] != ".")

    def keep_only_words(self) -> None:
        """Remove what is large of a record that MLflow has whole."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)


def open_record(description: Description) -> Record:
    """Go on with the record that an interrupted process left of the same content, or begin one.

    That is an unfinished one, or a finished one whose result DVC never heard of, since something was killed between
    the run's end and DVC's record. A stage that is made again on purpose gets a record, and a run, of its own.
    """
    for record in take_records(f"{description.stage}-{description.tags['content.key']}-*"):
        if record.run["status"] != "FINISHED" or record.run.get("result") not in description.recorded:
            record.update(status="RUNNING", end_time=None, tags=record.run["tags"] | description.tags)
            record.note(left_out={})
            return record
        record.close()
    _remove_old(description.stage)
    folder = scratch_path("runs") / f"{description.stage}-{description.tags['content.key']}-{uuid.uuid4().hex[:12]}"
    run = {**description._asdict(), "status": "RUNNING", "start_time": now_ms(), "end_time": None}
    record = Record(folder, run)
    if description.diff:
        record.add_file("uncommitted.diff", description.diff.encode())
    return record


def take_records(pattern: str) -> Iterator[Record]:
    """Take each record of such a name that no other process writes, the newest first."""
    folders = [path.parent for path in scratch_path("runs").glob(f"{pattern}/run.json")]
    for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True):
        try:
            record = Record(folder)
        except (OSError, ValueError):  # another's, or removed meanwhile, or the power was cut while it was written
            continue
        yield record


def _remove_old(stage: str) -> None:
    for number, record in enumerate(take_records(f"{stage}-*")):
        with closing(record):
            if number >= MOST_KEPT and record.sent["done"]:
                record.delete()


def _write(path: Path, value: Mapping[str, Any]) -> None:
    write_bytes(path, json.dumps(value).encode())
