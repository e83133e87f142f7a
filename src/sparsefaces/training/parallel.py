"""One model trained by several processes: each takes a part of every batch, and they add up what they found.

torchrun starts the processes, torch.distributed lets them talk (gloo, or NCCL on GPUs).
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import MachineParams
from sparsefaces.base.processes import rank_of_process
from sparsefaces.training.device import choose_device

LONGEST_SILENCE = timedelta(seconds=60)  # of a process that should answer; one that ends is noticed at once


@dataclass(frozen=True)
class Ranks:
    """The processes that train one model together, as one of them sees them.

    Attributes:
        rank: This process's number, from 0; process 0 alone tracks and writes.
        count: How many they are.
        group: The group of torch.distributed that they form; None: all that were started.
    """

    rank: int = 0
    count: int = 1
    group: Any = None

    def part(self, size: int) -> slice:
        """Choose this process's part of so many rows; the parts differ by one at most."""
        return slice(self.rank * size // self.count, (self.rank + 1) * size // self.count)

    def add_up(self, tensor: Tensor) -> Tensor:
        """Add a tensor of each process up, in place.

        Raises:
            UserError: Another process has ended, or is silent.
        """
        self._exchange(dist.all_reduce, tensor)
        return tensor

    def take_over(self, tensors: Iterable[Tensor]) -> None:
        """Write process 0's values into the tensors; raises what `add_up` does."""
        for tensor in tensors:
            self._exchange(dist.broadcast, tensor, group_src=0)

    def of_first(self, value: Any) -> Any:  # noqa: ANN401 - of whatever type the value is
        """Return what process 0 calls this with; raises what `add_up` does."""
        values = [value]
        self._exchange(dist.broadcast_object_list, values, group_src=0)
        return values[0]

    def _exchange(self, function: Callable[..., Any], values: Any, **how: int) -> None:  # noqa: ANN401 - tensor or list
        """Call a function of torch.distributed, if there are others, and say what it means that it fails."""
        if self.count == 1:
            return
        try:
            function(values, group=self.group, **how)
        except RuntimeError as error:
            raise UserError(
                f"another of the {self.count} processes that train this model has ended or is silent "
                f"({_cause(error)}): the next run goes on from the last checkpoint"
            ) from None


ALONE = Ranks()


@contextmanager
def join(machine: MachineParams, identity: Mapping[str, object], seconds_to_wait: float) -> Iterator[Ranks]:
    """Meet the processes that torchrun started along with this one; without torchrun, be alone.

    Args:
        machine: What to train on; of several GPUs, each process of a machine takes its own.
        identity: What the training's bits depend on: the same in each process.
        seconds_to_wait: How long another process may be busy with what it alone does.

    Raises:
        UserError: The device is missing, or not one for several; the processes do not meet, or not for the same
            training. In other processes than the first, what the block raises names the process.
    """
    rank = rank_of_process()
    if rank is None:
        yield ALONE
        return
    ranks = Ranks(rank, int(os.environ["WORLD_SIZE"]))
    try:
        _meet(ranks, machine, timedelta(seconds=seconds_to_wait) + LONGEST_SILENCE)
        wanted = ranks.of_first(dict(identity))
        if different := [name for name in wanted if wanted[name] != identity[name]]:
            raise UserError(
                f"its {' and '.join(different)} are not the first one's: give all machines the same src, params.yaml "
                "and stages, and name machine.products, if their processors differ"
            )
        yield ranks
    except UserError as error:
        raise UserError(f"process {rank} of {ranks.count}: {error}" if rank else str(error)) from None
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _meet(ranks: Ranks, machine: MachineParams, timeout: timedelta) -> None:
    device, local = choose_device(machine.device), int(os.environ["LOCAL_RANK"])
    if device == "mps":
        raise UserError("machine.device is mps, on which a process trains alone: set it to cpu")
    if device == "cuda":
        if local >= torch.cuda.device_count():
            raise UserError(f"there are {torch.cuda.device_count()} GPUs, one for each process: start fewer processes")
        torch.cuda.set_device(local)
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=timeout)
    except (RuntimeError, ValueError) as error:  # the latter if torchrun's variables do not make sense
        raise UserError(f"the {ranks.count} processes of this training do not meet: {_cause(error)}") from None


def _cause(error: Exception) -> str:
    """Take the first line of a message: gloo's and NCCL's frames follow it, and their sources' place begins it."""
    return re.sub(r"^\[[^\]]*\] ", "", str(error)).partition("\n")[0] or type(error).__name__
