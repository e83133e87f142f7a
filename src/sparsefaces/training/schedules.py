"""How the learning rate falls over a training: a function of the step alone, which a resumed one goes on with."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

# What is left of the learning rate after a share of all updates, from 0 to 1.
SCHEDULES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "constant": lambda done: 1.0,
        "linear": lambda done: 1 - done,
        "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,  # Loshchilov and Hutter 2017, without restarts
    }
)


def learning_rate(start: float, schedule: str, step: int, iterations: int) -> float:
    """Compute the learning rate of one update.

    Linear and cosine would be zero at the update after the last, as in torch's LinearLR and CosineAnnealingLR
    over so many iterations: no update is lost to a rate of zero.

    Args:
        start: The rate of the first update.
        schedule: One of SCHEDULES.
        step: The update, from 0.
        iterations: Updates of the whole training.

    >>> [learning_rate(0.1, schedule, 50, 100) for schedule in ("constant", "linear", "cosine")]
    [0.1, 0.05, 0.05]
    """
    return start * SCHEDULES[schedule](step / iterations)
