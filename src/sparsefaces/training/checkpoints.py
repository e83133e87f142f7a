"""Checkpoints of a training on its way, from which it continues after an interruption, to the same bits."""

import hashlib
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import torch

from sparsefaces.base.cache import scratch_path
from sparsefaces.base.files import write_bytes
from sparsefaces.base.progress import say
from sparsefaces.training.loop import State
from sparsefaces.training.outbox import Outbox
from sparsefaces.training.outputs import Row

if TYPE_CHECKING:
    from sparsefaces.training.engine import Engine

DIGEST = hashlib.sha256().digest_size  # with which a checkpoint begins: NumPy does not check what it reads of a zip
FILE = "file:"  # before the names of the outbox's files


class Checkpoints:
    """The checkpoint of one training, in `.scratch`: read at its start, written now and then, deleted at its end."""

    def __init__(self, name: str, every: int, iterations: int, outbox: Outbox) -> None:
        """Name the checkpoint.

        Args:
            name: Of all that the training's bits depend on.
            every: Steps between checkpoints; the last step has one, too.
            iterations: Steps of the training.
            outbox: What MLflow is still to be sent, which each checkpoint keeps.
        """
        self._path, self._every, self._iterations = scratch_path(f"checkpoints/{name}.npz"), every, iterations
        self._outbox, self._history = outbox, list[Row]()

    def load(self) -> State | None:
        """Read where the training stood, and fill the outbox; None if there is no checkpoint, or it is damaged."""
        data = self._path.read_bytes() if self._path.exists() else b""
        digest, data = data[:DIGEST], data[DIGEST:]
        if hashlib.sha256(data).digest() != digest:
            if digest:
                say(f"{self._path} is damaged (its checksum is wrong) and ignored: made again")
            return None
        arrays = dict(np.load(io.BytesIO(data)))
        progress = json.loads(arrays.pop("progress").tobytes())
        self._outbox.values |= {(name, step): (number, ms) for name, step, number, ms in progress["values"]}
        self._outbox.tags |= progress["tags"]
        for name in [name for name in arrays if name.startswith(FILE)]:
            self._outbox.files[name.removeprefix(FILE)] = arrays.pop(name).tobytes()
        self._history = list(progress["history"])
        say(f"continues from the checkpoint of step {progress['step']}")
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return State(progress["step"], tensors, progress["history"])

    def on_step(self, step: int, row: Row | None, engine: "Engine") -> None:
        """Write a checkpoint if one is due."""
        if row is not None:
            self._history.append(row)
        if (step + 1) % self._every == 0 or step + 1 == self._iterations:
            box = self._outbox
            values = [(*key, *value) for key, value in box.values.items()]
            progress = {"step": step + 1, "history": self._history, "values": values, "tags": box.tags}
            arrays = {name: tensor.cpu().numpy() for name, tensor in engine.state().items()}
            files = {FILE + name: np.frombuffer(data, np.uint8) for name, data in box.files.items()}
            text = np.frombuffer(json.dumps(progress).encode(), np.uint8)
            file = io.BytesIO()
            np.savez(file, allow_pickle=False, progress=text, **arrays, **files)
            data = file.getvalue()
            write_bytes(self._path, hashlib.sha256(data).digest() + data)

    def delete(self) -> None:
        """Delete the checkpoint, if there is one."""
        self._path.unlink(missing_ok=True)
