"""How processes that train one model together bring their gradients together, and which weights each one updates."""

import os
from contextlib import ExitStack, suppress
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparsefaces.training.parallel import Ranks
from sparsefaces.training.weights import Weights

FOLDER = "/dev/shm"  # noqa: S108 - files in memory, on Linux
LINE = 16  # numbers of 4 bytes in what a processor reads at once: tensors begin with a new one


class Replicas:
    """Each process has all weights and moments, adds up whole gradients with the others, and updates everything."""

    def __init__(self, ranks: Ranks) -> None:
        """Take the processes of the training."""
        self._ranks = ranks

    def place(self, tensors: Weights[Tensor]) -> Weights[Tensor]:
        """Keep tensors that last: the weights, or a moment of each; raises what `Ranks.add_up` does."""
        return tensors

    def add_up(self, gradients: Weights[Tensor]) -> Weights[Tensor]:
        """Add up each process's gradients, in place, at least where `mine` is.

        Raises:
            UserError, KeyboardInterrupt: As `Ranks.add_up`.
        """
        return Weights(*map(self._ranks.add_up, gradients))

    def whole(self, gradients: Weights[Tensor]) -> Weights[Tensor]:
        """Gather what `add_up` returned in each process; raises what that does."""
        return gradients

    def mine(self, tensor: Tensor) -> Tensor:
        """View what this process updates of a parameter, or of anything of its shape."""
        return tensor

    def finish(self) -> None:
        """Wait until every process has updated what is its own; raises what `add_up` does."""


class Shards(Replicas):
    """The processes of one machine keep one copy of weights and moments in memory, and each updates a part of it.

    Less is copied than by an all-reduce, and Adam is shared as well. Sharing the optimizer's state is the first
    stage of ZeRO (Rajbhandari et al. 2020).
    """

    def __init__(self, ranks: Ranks, memory: Tensor, like: Weights[Tensor]) -> None:
        """Take the memory that all map, large enough for what `place` is given and for a gradient of each process."""
        super().__init__(ranks)
        self._free = memory
        self._outboxes = [self._take(like) for _ in range(ranks.count)]

    def place(self, tensors: Weights[Tensor]) -> Weights[Tensor]:
        """Keep tensors that last in the common memory: the first process's."""
        placed = self._take(tensors)
        if self._ranks.rank == 0:
            for target, tensor in zip(placed, tensors, strict=True):
                target.copy_(tensor)
        self._ranks.wait()
        return placed

    def add_up(self, gradients: Weights[Tensor]) -> Weights[Tensor]:
        """Leave the others what they update, and add up what this process does; until `finish`, not again."""
        ranks = self._ranks
        others = [rank for rank in range(ranks.count) if rank != ranks.rank]
        for gradient, outbox in zip(gradients, self._outboxes[ranks.rank], strict=True):
            for rank in others:
                self._part(outbox, rank).copy_(self._part(gradient, rank))
        ranks.wait()
        for rank in others:
            for gradient, outbox in zip(gradients, self._outboxes[rank], strict=True):
                self.mine(gradient).add_(self.mine(outbox))
        return gradients

    def whole(self, gradients: Weights[Tensor]) -> Weights[Tensor]:
        """Gather what `add_up` returned in each process."""
        whole = Weights(*map(torch.zeros_like, gradients))
        for target, gradient in zip(whole, gradients, strict=True):
            self.mine(target).copy_(self.mine(gradient))
        return super().add_up(whole)

    def mine(self, tensor: Tensor) -> Tensor:
        """View what this process updates of a parameter, or of anything of its shape, as one row of numbers."""
        return self._part(tensor, self._ranks.rank)

    def finish(self) -> None:
        """Wait until every process has updated what is its own."""
        self._ranks.wait()

    def _part(self, tensor: Tensor, rank: int) -> Tensor:
        return tensor.view(-1)[self._ranks.part(tensor.numel(), rank)]

    def _take(self, like: Weights[Tensor]) -> Weights[Tensor]:
        """Take a tensor of each shape from the memory."""
        taken = []
        for tensor in like:
            taken.append(self._free[: tensor.numel()].view(tensor.shape))
            self._free = self._free[_padded(tensor) :]
        return Weights(*taken)


def open_exchange(ranks: Ranks, like: Weights[Tensor], lasting: int) -> Replicas:
    """Choose how the processes exchange: by common memory if all of them can have it, else by messages.

    Args:
        ranks: The processes.
        like: Tensors of the parameters' shapes.
        lasting: How many sets of such tensors `place` will be given.

    Raises:
        UserError, KeyboardInterrupt: As `Ranks.add_up`.
    """
    if ranks.count == 1 or like.V.device.type != "cpu":
        return Replicas(ranks)
    numbers = sum(map(_padded, like)) * (lasting + ranks.count)
    memory = _map_together(ranks, numbers, like.V.numpy().dtype)
    return Replicas(ranks) if memory is None else Shards(ranks, memory, like)


def _map_together(ranks: Ranks, numbers: int, dtype: np.dtype[Any]) -> Tensor | None:
    """Map a new file, which is memory and is gone with its last process; None if one of them cannot."""
    path, memory = None, None
    with ExitStack() as stack:
        if ranks.rank == 0:
            with suppress(OSError, AttributeError):  # no such folder, no such function, or it is full
                file = stack.enter_context(NamedTemporaryFile(dir=FOLDER))
                os.posix_fallocate(file.fileno(), 0, numbers * dtype.itemsize)
                path = file.name
        path = ranks.of_first(path)
        with suppress(OSError, TypeError):  # on another machine
            memory = torch.from_numpy(np.memmap(path, dtype, "r+", shape=(numbers,)))
        mapped = int(ranks.add_up(torch.tensor(memory is not None, dtype=torch.int64)))
    return memory if mapped == ranks.count else None


def _padded(tensor: Tensor) -> int:
    return -(-tensor.numel() // LINE) * LINE
