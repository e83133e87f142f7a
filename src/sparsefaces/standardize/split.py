"""Some people held out: what is fitted on the others is judged on them."""

import numpy as np
from numpy.typing import NDArray

SPLIT_SEED = 0  # not the trainings': another seed of theirs is judged on the same people


def split_people(people: NDArray[np.int32], share: float) -> NDArray[np.bool_]:
    """Tell which faces train, (N,), if a share of the people is held out: at least one of them, and not all.

    The people are drawn at random, always the same ones. If all faces are one person's, faces are held out
    instead; if there is one face, none.

    Args:
        people: Person number by row, (N,).
        share: From 0, which holds out nobody, to below 1.
    """
    people = people_apart(people)
    names = np.unique(people)
    count = min(max(round(share * len(names)), 1), len(names) - 1) if share else 0
    held_out = np.random.default_rng(SPLIT_SEED).permutation(names)[:count]
    return np.isin(people, held_out, invert=True)


def count_people(people: NDArray[np.int32], chosen: NDArray[np.bool_]) -> int:
    """Count the people, or faces, that `split_people` had to do with, among those faces that are chosen, (N,)."""
    return len(np.unique(people_apart(people)[chosen]))


def people_apart(people: NDArray[np.int32]) -> NDArray[np.int32]:
    """Take each face for a person's of its own if all are one person's: (N,)."""
    return np.arange(len(people), dtype=np.int32) if (people == people[:1]).all() else people
