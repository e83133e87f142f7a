import math

import numpy as np
import pytest

from sparsefaces.metrics import code_bits, effective_area, hoyer_sparsity


def test_hoyer__is_1_for_one_active_unit_or_none_0_for_equal_ones_and_as_by_hand_between():
    Z = np.zeros((4, 9), dtype=np.float32)
    Z[0, 1] = 3
    Z[2] = 2
    Z[3, :2] = 1
    by_hand = (3 - 2 / math.sqrt(2)) / (3 - 1)
    assert hoyer_sparsity(Z).tolist() == pytest.approx([1, 1, 0, by_hand])


def test_effective_area__is_1_for_a_uniform_filter_and_1_over_n_for_one_pixel():
    W = np.zeros((4, 9), dtype=np.float32)
    W[0] = -3
    W[1, 4] = 2
    W[2, :3] = [1, -1, 1]
    assert effective_area(W) == pytest.approx([1, 1 / 9, 1 / 3])  # the filter of zeros is left out
    assert effective_area(1e-25 * W) == pytest.approx([1, 1 / 9, 1 / 3])  # whose squares are 0 in float32


def test_code_bits__count_the_choices_of_active_units_and_the_bits_of_their_activations():
    assert code_bits(np.array([0, 1, 2, 4]), 4, bits=8) == pytest.approx([0, 2 + 8, math.log2(6) + 16, 32])
