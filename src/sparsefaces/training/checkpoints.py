"""Checkpoints of a training on its way, from which it continues after an interruption, to the same bits."""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from sparsefaces.base.cache import TRAINING_CODE, code_hash, scratch_path
from sparsefaces.base.files import DAMAGE, write_bytes
from sparsefaces.base.interrupts import Interruption
from sparsefaces.base.params import Params
from sparsefaces.training.device import choose_device
from sparsefaces.training.loop import State
from sparsefaces.training.outputs import Row
from sparsefaces.training.products import choose_products

if TYPE_CHECKING:
    from sparsefaces.training.engine import Engine

DAMAGED: tuple[type[Exception], ...] = (*DAMAGE, SafetensorError)


@contextmanager
def open_checkpoints(stage: str, params: Params, data_hash: str) -> Iterator["Checkpoints"]:
    """Keep checkpoints of a training of the data with this hash; within the block, signals wait for one."""
    values = params.train.model_dump() | params.of_model(stage).model_dump()
    identity = {  # what the training's bits depend on, by the words of a message
        "parameters": json.dumps(values, sort_keys=True),
        "data": data_hash,
        "code": code_hash(*TRAINING_CODE),
        "device": (device := choose_device(params.machine.device)),
        "matrix products": choose_products(params.machine.products, device).name,
    }
    with Interruption() as interruption:
        checkpoints = Checkpoints(stage, identity, params.machine.checkpoint_every, interruption)
        checkpoints.load()
        yield checkpoints


class Checkpoints:
    """The checkpoint of one training: read at its start, written now and then, deleted at its end.

    Attributes:
        start: Where the training stood, once it is loaded; None if it starts anew.
    """

    def __init__(self, stage: str, identity: Mapping[str, str], every: int, interruption: Interruption) -> None:
        """Name the checkpoint.

        Args:
            stage: The training, which names the file.
            identity: What the training's bits depend on, by the name that a message uses.
            every: Steps between checkpoints.
            interruption: Asked after each step: on a request, a checkpoint is written and the training ends.
        """
        # An experiment's own name keeps it apart from others that run beside it.
        name = "-".join(filter(None, (stage, os.environ.get("DVC_EXP_NAME"))))
        self._path = scratch_path(f"{name}.safetensors")
        self._identity, self._every = dict(identity), every
        self._interruption = interruption
        self._history: list[Row] = []
        self.start: State | None = None

    def load(self) -> State | None:
        """Read where the training stood; None, and why on the terminal, where it cannot be continued."""
        if not self._path.is_file():
            return None
        try:
            state, identity = _read(self._path)
        except DAMAGED as error:
            print(f"the checkpoint {self._path} is damaged ({error}): ignored, the training starts anew", flush=True)
            return None
        changed = [name for name, value in self._identity.items() if identity.get(name) != value]
        if changed:
            print(f"the checkpoint of step {state.step} is of other {' and '.join(changed)}: thrown away", flush=True)
            self.delete()
            return None
        print(f"continues from the checkpoint of step {state.step}", flush=True)
        self.start, self._history = state, list(state.history)
        return state

    def on_step(self, step: int, row: Row | None, engine: "Engine") -> None:
        """Write a checkpoint if one is due, and end the training where that was asked for.

        Raises:
            KeyboardInterrupt: An interruption was requested; the checkpoint is written.
        """
        if row is not None:
            self._history.append(row)
        if self._interruption.requested or (step + 1) % self._every == 0:
            _write(self._path, State(step + 1, engine.state(), self._history), self._identity)
        if self._interruption.requested:
            print(f"stopped after step {step}: the next run continues from here", flush=True)
            raise KeyboardInterrupt

    def delete(self) -> None:
        """Delete the checkpoint, if there is one."""
        self._path.unlink(missing_ok=True)


def _write(path: Path, state: State, identity: Mapping[str, str]) -> None:
    tensors = {name: tensor.cpu() for name, tensor in state.tensors.items()}
    record: dict[str, Any] = {
        "step": state.step,
        "history": state.history,
        "identity": dict(identity),
        "checksum": _checksum(tensors),
    }
    write_bytes(path, safetensors.torch.save(tensors, {"record": json.dumps(record)}))


def _read(path: Path) -> tuple[State, dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        record = json.loads(file.metadata()["record"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    if record["checksum"] != _checksum(tensors):
        raise ValueError("its checksum is wrong")
    return State(int(record["step"]), tensors, list(record["history"])), dict(record["identity"])


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    checksum = 0
    for name in sorted(tensors):
        checksum = zlib.crc32(tensors[name].numpy().data, checksum)
    return checksum
