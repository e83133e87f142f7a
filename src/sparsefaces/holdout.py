"""Some people held out: what is fitted on the others is judged on them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SPLIT_SEED = 0  # not the trainings': another seed of theirs is judged on the same people


class Holdout(NamedTuple):
    """Which faces are whose.

    Attributes:
        fitting: Row numbers to fit on.
        judged: Row numbers to judge on, of people who are not among the former.
        people: People to judge on.
    """

    fitting: NDArray[np.int64]
    judged: NDArray[np.int64]
    people: int


def hold_out(people: NDArray[np.int32], share: float) -> Holdout:
    """Hold out a share of the people, drawn at random, always the same ones; at least one, and not all.

    Where all faces are one person's, faces are held out instead.

    Args:
        people: Person number by row, (N,), N at least 2.
        share: Above 0, below 1.
    """
    if (people == people[0]).all():
        people = np.arange(len(people), dtype=np.int32)
    names = np.unique(people)
    count = min(max(round(share * len(names)), 1), len(names) - 1)
    chosen = np.random.default_rng(SPLIT_SEED).permutation(names)[:count]
    out = np.isin(people, chosen)
    return Holdout(np.flatnonzero(~out), np.flatnonzero(out), count)
