"""One model trained by several processes: each takes a part of every batch, and they add up what they found.

torchrun starts the processes, torch.distributed lets them talk (gloo, or NCCL on GPUs).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from sparsefaces.base.params import MachineParams

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """The processes that train one model together, as one of them sees them.

    Attributes:
        rank: This process's number, from 0; process 0 alone tracks and writes.
        count: How many they are.
    """

    rank: int = 0
    count: int = 1

    def part(self, size: int) -> slice:
        """Choose this process's part of so many rows; the parts differ by one at most.

        >>> [Ranks(rank, 3).part(7) for rank in range(3)]
        [slice(0, 2, None), slice(2, 4, None), slice(4, 7, None)]
        """
        return slice(self.rank * size // self.count, (self.rank + 1) * size // self.count)

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """Add a tensor of each process up, in place."""
        if self.count > 1:
            dist.all_reduce(tensor)
        return tensor

    def broadcast(self, value: Value) -> Value:
        """Return what process 0 calls this with."""
        values = [value]
        if self.count > 1:
            dist.broadcast_object_list(values, src=0)
        return values[0]


ONE_PROCESS = Ranks()


@contextmanager
def join(machine: MachineParams) -> Iterator[Ranks]:
    """Meet the processes that torchrun started along with this one; without torchrun, be alone.

    Args:
        machine: What to train on; of several GPUs, each process of a machine takes its own.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:  # clusters set RANK, too
        yield ONE_PROCESS
        return
    if machine.device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if machine.device == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
