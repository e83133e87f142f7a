"""What a training runs on: the device, and how many threads. The number of threads changes no result on the CPU."""

import os
from typing import Literal

import joblib
import torch

from sparsefaces.base.errors import UserError

MOST_THREADS = 4  # that `auto` takes: a step at the exercise's size gains little by more


def choose_device(name: str) -> str:
    """Return machine.device once it is known to be here.

    Raises:
        UserError: The device is not here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if not here[name]:
        raise UserError(f"machine.device is {name}, but torch finds no such device here: set it to cpu")
    return name


def choose_threads(wanted: int | Literal["auto"]) -> int:
    """Return the number of threads that machine.threads stands for, where the library takes several.

    `auto` is OMP_NUM_THREADS, if that is set, or the cores that this process may use, 4 at most.
    """
    if wanted != "auto":
        return wanted
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if asked.isdecimal() and int(asked):
        return int(asked)
    return min(int(joblib.cpu_count()), MOST_THREADS)
