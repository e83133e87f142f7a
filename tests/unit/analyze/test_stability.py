"""Filters of two trainings, matched one to one."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from sparsefaces.analyze.stability import match_filters, stability

FILTERS = hnp.arrays(np.float32, (6, 10), elements=st.integers(-9, 9).map(float))


@settings(max_examples=25)
@given(filters=FILTERS, seed=st.integers(0, 9))
def test_match_filters__of_a_model_with_itself_are_the_same_in_any_order_sign_and_scale(filters, seed):
    rng = np.random.default_rng(seed)
    another = (-3 * filters)[rng.permutation(6)]
    assert match_filters(filters, another) == pytest.approx(np.ones(filters.any(axis=1).sum()))


def test_match_filters__take_each_filter_once_so_that_all_together_are_most_alike():
    # Both are most like the first of the others, which only one can have.
    first = np.array([[1, 0], [4, 3]], np.float32)
    second = np.array([[1, 0.1], [0, 1]], np.float32)
    near = 1 / np.hypot(1, 0.1)
    assert match_filters(first, second) == pytest.approx([near, 0.6])
    assert match_filters(first, second[:1]) == pytest.approx([near])


def test_stability__is_far_above_the_null_of_a_smooth_filter_and_not_of_noise():
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.standard_normal((20, 50)), axis=1).astype(np.float32)
    same, null = stability(smooth, smooth + np.float32(0.1) * rng.standard_normal((20, 50)).astype(np.float32))
    assert same > 0.9 > null
    noise, its_null = stability(*(rng.standard_normal((20, 50)).astype(np.float32) for _ in range(2)))
    assert noise == pytest.approx(its_null, abs=0.05)
