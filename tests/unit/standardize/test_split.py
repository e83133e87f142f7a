"""People held out from training."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from sparsefaces.standardize.split import count_people, split_people

PEOPLE = hnp.arrays(np.int32, st.integers(2, 40), elements=st.integers(0, 6))


@settings(max_examples=50)
@given(PEOPLE, st.floats(0.01, 0.99))
def test_split_people__parts_people_and_leaves_someone_on_either_side(people, share):
    train_mask = split_people(people, share)
    assert (split_people(people, share) == train_mask).all()
    assert 0 < train_mask.sum() < len(people)
    if len(set(people)) > 1:
        assert not set(people[train_mask]) & set(people[~train_mask])
        assert count_people(people, train_mask) + count_people(people, ~train_mask) == len(set(people))


def test_split_people__draws_the_same_people_always():
    assert np.flatnonzero(~split_people(np.arange(10, dtype=np.int32), 0.3)).tolist() == [2, 4, 6]


@pytest.mark.parametrize(
    ("people", "share", "held_out"),
    [
        ([0, 1, 2], 0.0, 0),
        ([4], 0.5, 0),
        ([0, 0, 1], 0.01, 1),
        ([0, 1, 1, 2, 2], 0.99, 2),
        (range(10), 0.26, 3),
        ([7] * 10, 0.2, 2),  # faces, if all are one person's
    ],
)
def test_split_people__holds_the_share_out_rounded_but_one_at_least_and_not_all(people, share, held_out):
    people = np.array(people, np.int32)
    assert count_people(people, ~split_people(people, share)) == held_out
