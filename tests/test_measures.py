import math

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from sparsefaces.measures import effective_area, evaluate, hoyer_sparsity, psnr, total_variance
from sparsefaces.objective import get_objective_terms, weigh
from sparsefaces.params import Coefficients
from sparsefaces.weights import Weights

SPARSE = Coefficients(1.0, 0.01, 1.0)


def problem(n=2300, d=6, h=5):
    g = torch.Generator().manual_seed(0)
    sizes = {"X": (n, d), "V": (d, h), "W": (h, d), "b": (h,), "a": (d,)}
    X, *weights = (torch.randn(size, generator=g) for size in sizes.values())
    return X, Weights(*weights)


def test_evaluate__equals_the_reference_over_all_faces_in_one_piece():
    X, weights = problem()
    values = evaluate(X, weights, SPARSE)
    terms = get_objective_terms(X, *weights)
    for name, term in terms._asdict().items():
        assert values[name] == pytest.approx(float(term), rel=1e-5)
    assert values["loss"] == pytest.approx(float(weigh(terms, SPARSE)), rel=1e-5)
    codes = torch.relu(X @ weights.V + weights.b)
    assert values["l0"] == pytest.approx(float((codes > 0).sum(1).float().mean()))
    assert values["silent_units"] == 0
    assert values["min_mean_activation"] == pytest.approx(float(codes.mean(0).min()), rel=1e-5)


def test_evaluate__predicting_the_mean_face_explains_nothing():
    X, weights = problem()
    mean = Weights(weights.V, torch.zeros_like(weights.W), weights.b, X.mean(0))
    values = evaluate(X, mean, SPARSE)
    assert values["explained_variance"] == pytest.approx(0, abs=1e-6)
    assert values["rec"] == pytest.approx(total_variance(X))


def test_evaluate__silent_unit_is_counted_and_infinity_left_out_of_json():
    X, weights = problem()
    weights.b[1] = -1e6
    values = evaluate(X, weights, SPARSE)
    assert (values["silent_units"], values["ent"], values["loss"]) == (1, None, None)
    assert evaluate(X, weights, Coefficients(0, 0, 0))["loss"] == pytest.approx(values["rec"])


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float32, (4, 7), elements=st.floats(0, 100, width=32)), st.floats(0.125, 8))
def test_hoyer__lies_between_0_and_1_and_ignores_scale(codes, factor):
    Z = torch.from_numpy(codes)
    Z[Z < 1e-3] = 0
    sparsity = hoyer_sparsity(Z)
    assert ((sparsity >= 0) & (sparsity <= 1)).all()
    torch.testing.assert_close(hoyer_sparsity(Z * factor), sparsity, rtol=1e-4, atol=1e-4)


def test_hoyer__is_1_for_one_active_unit_0_for_equal_ones_and_as_by_hand_between():
    Z = torch.tensor([[0, 3.0, 0, 0], [2, 2, 2, 2], [1, 1, 0, 0]])
    by_hand = (2 - 2 / math.sqrt(2)) / (2 - 1)
    assert hoyer_sparsity(Z).tolist() == pytest.approx([1, 0, by_hand])


def test_effective_area__is_1_for_a_uniform_filter_and_1_over_n_for_one_pixel():
    W = np.zeros((4, 9), dtype=np.float32)
    W[0] = -3
    W[1, 4] = 2
    W[2, :3] = [1, -1, 1]
    assert effective_area(W) == pytest.approx([1, 1 / 9, 1 / 3])  # the filter of zeros is left out


def test_psnr__is_20_db_for_an_error_of_a_tenth_in_every_pixel():
    # In standardised units, scale 0.2: a residual of 0.5 in each of 50 pixels.
    assert psnr(50 * 0.5**2, 50, 0.2) == pytest.approx(20)
    assert psnr(0.0, 50, 0.2) == math.inf
