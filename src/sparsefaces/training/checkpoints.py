"""Checkpoints of a training on its way, from which it continues after an interruption, to the same bits."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from sparsefaces.base.cache import TRAINING_CODE, cache_path, code_hash, key_of, load_cached, save_cached
from sparsefaces.base.params import Params
from sparsefaces.training.device import choose_device
from sparsefaces.training.loop import State
from sparsefaces.training.outputs import Row
from sparsefaces.training.products import choose_products

if TYPE_CHECKING:
    from sparsefaces.training.engine import Engine


def identify(stage: str, params: Params, data_hash: str) -> dict[str, object]:
    """Name what a training's bits depend on, of the data with this hash; how many processes share it is rounding."""
    device = choose_device(params.machine.device)
    return {
        "parameters": params.train.model_dump() | params.of_model(stage).model_dump(),
        "data": data_hash,
        "code": code_hash(*TRAINING_CODE),
        "device": device,
        "products": choose_products(params.machine.products, device, params.machine.threads).name,
    }


class Checkpoints:
    """The checkpoint of one training, in the cache: read at its start, written now and then, deleted at its end.

    It is found by what the training's bits depend on: of anything else, by whatever name, there is none.
    """

    def __init__(self, stage: str, identity: Mapping[str, object], every: int) -> None:
        """Name the checkpoint.

        Args:
            stage: The training.
            identity: What its bits depend on, in values that JSON can hold.
            every: Steps between checkpoints.
        """
        self._name, self._key, self._every = f"checkpoints/{stage}", key_of(identity), every
        self._history: list[Row] = []

    def load(self) -> State | None:
        """Read where the training stood; None if there is no checkpoint, or if it is damaged, which is said."""
        arrays = load_cached(self._name, self._key)
        if arrays is None:
            return None
        record = json.loads(arrays.pop("record").tobytes())
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self._history = list(record["history"])
        print(f"continues from the checkpoint of step {record['step']}", flush=True)
        return State(record["step"], tensors, record["history"])

    def on_step(self, step: int, row: Row | None, engine: "Engine") -> None:
        """Write a checkpoint if one is due."""
        if row is not None:
            self._history.append(row)
        if (step + 1) % self._every == 0:
            record = json.dumps({"step": step + 1, "history": self._history}).encode()
            arrays = {name: tensor.cpu().numpy() for name, tensor in engine.state().items()}
            save_cached(self._name, self._key, arrays | {"record": np.frombuffer(record, np.uint8)})

    def delete(self) -> None:
        """Delete the checkpoint, if there is one."""
        cache_path(self._name, self._key).unlink(missing_ok=True)
