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

    Where all faces are one person's, faces are held out instead; where there is one face, none.

    Args:
        people: Person number by row, (N,).
        share: Above 0, below 1.
    """
    people = _apart(people)
    names = np.unique(people)
    count = min(max(round(share * len(names)), 1), len(names) - 1)
    chosen = np.random.default_rng(SPLIT_SEED).permutation(names)[:count]
    out = np.isin(people, chosen)
    return Holdout(np.flatnonzero(~out), np.flatnonzero(out), count)


def split_people(people: NDArray[np.int32], share: float) -> NDArray[np.bool_]:
    """Tell which faces train, (N,), where a share of the people, from 0 to below 1, is held out."""
    trains = np.ones(len(people), dtype=np.bool_)
    if share:
        trains[hold_out(people, share).judged] = False
    return trains


def read_split(trains: NDArray[np.bool_], people: NDArray[np.int32]) -> Holdout:
    """Describe what `split_people` told of the same people."""
    return Holdout(np.flatnonzero(trains), np.flatnonzero(~trains), len(np.unique(_apart(people)[~trains])))


def _apart(people: NDArray[np.int32]) -> NDArray[np.int32]:
    """Take each face for a person's of its own where all are one person's."""
    return np.arange(len(people), dtype=np.int32) if (people == people[:1]).all() else people
