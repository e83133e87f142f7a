"""What the metrics promise on any input: bounds, and what they do not depend on."""

import math

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from sparsefaces import metrics
from sparsefaces.metrics import shuffle_pixels, spatial_spread, window_energy

SHAPE = (6, 7)
UNITS = 8
NUMBERS = st.floats(-100, 100, width=32).map(lambda value: 0 if abs(value) < 1e-3 else value)
CODES = hnp.arrays(np.float32, (4, UNITS), elements=NUMBERS)
FILTERS = hnp.arrays(np.float32, (3, SHAPE[0] * SHAPE[1]), elements=NUMBERS)

OF_CODES = {  # measure: lowest and highest value
    "near_zero": (0, 1),
    "hoyer_sparsity": (0, 1),
    "gini": (0, 1 - 1 / UNITS),
    "treves_rolls": (1 / UNITS, 1),
}
OF_FILTERS = {
    "effective_area": (1 / math.prod(SHAPE), 1),
    "spatial_spread": (0, 3**0.5),
    "window_energy": (0, 1),
    "border_energy": (0, 1),
}


def of_filters(name, W):
    return vars(metrics)[name](
        W, *{"spatial_spread": (SHAPE,), "window_energy": (SHAPE, 3), "border_energy": (SHAPE,)}.get(name, ())
    )


@pytest.mark.parametrize("name", OF_CODES)
@settings(max_examples=25)
@given(codes=CODES, power=st.integers(-3, 3), seed=st.integers(0, 9))
def test_codes__metrics_keep_their_bounds_and_ignore_sign_scale_and_order(name, codes, power, seed):
    measure, (low, high) = vars(metrics)[name], OF_CODES[name]
    values = measure(codes)
    assert values.shape == (4,)
    assert ((values >= low - 1e-6) & (values <= high + 1e-6)).all()
    same = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(measure(-codes), values, **same)
    np.testing.assert_allclose(measure(codes * np.float32(2.0**power)), values, **same)
    np.testing.assert_allclose(measure(codes[:, np.random.default_rng(seed).permutation(UNITS)]), values, **same)


@pytest.mark.parametrize("name", OF_FILTERS)
@settings(max_examples=25)
@given(filters=FILTERS, power=st.integers(-80, 30))  # squares may be 0 in float32
def test_filters__metrics_keep_their_bounds_and_ignore_sign_and_scale(name, filters, power):
    low, high = OF_FILTERS[name]
    values = of_filters(name, filters)
    assert len(values) == metrics.is_nonzero(filters).sum()
    assert ((values >= low - 1e-6) & (values <= high + 1e-6)).all()
    same = {"rtol": 1e-6, "atol": 1e-6}
    np.testing.assert_allclose(of_filters(name, -filters), values, **same)
    np.testing.assert_allclose(of_filters(name, filters * np.float32(2.0**power)), values, **same)


def test_filters__shuffled_pixels_lose_the_locality_of_a_patch():
    W = np.zeros((5, 30, 20), dtype=np.float32)
    W[:, 4:10, 3:9] = 1
    shuffled = shuffle_pixels(W.reshape(5, -1), np.random.default_rng(0))
    assert window_energy(W.reshape(5, -1), (30, 20)) == pytest.approx([1] * 5)
    assert window_energy(shuffled, (30, 20)).max() < 0.6
    assert spatial_spread(W.reshape(5, -1), (30, 20)).max() < 0.3
    assert spatial_spread(shuffled, (30, 20)).min() > 0.8


@settings(max_examples=25)
@given(filters=FILTERS)
def test_border_energy__of_filters_within_the_border_is_none_and_of_the_others_all(filters):
    W = filters.reshape(-1, *SHAPE).copy()
    W[:, [0, -1]] = W[:, :, [0, -1]] = 0
    assert np.all(metrics.border_energy(W.reshape(len(W), -1), SHAPE) < 1e-12)
    rest = (filters - W.reshape(len(W), -1)).astype(np.float32)
    assert np.all(metrics.border_energy(rest, SHAPE) == 1)
    cut, size = metrics.inside(W.reshape(len(W), -1), SHAPE)
    assert size == (4, 5)
    assert np.array_equal(cut.reshape(-1, 4, 5), W[:, 1:-1, 1:-1])


def test_border_energy__of_noise_is_the_borders_area_and_of_a_tiny_image_unknown():
    noise = np.random.default_rng(0).standard_normal((400, 37 * 28)).astype(np.float32)
    area = 1 - (37 - 8) * (28 - 6) / (37 * 28)
    assert metrics.border_energy(noise, (37, 28)).mean() == pytest.approx(area, abs=0.005)
    assert metrics.border_energy(noise[:, :16], (4, 4)) is None


def test_explained_variance__predicting_the_mean_face_explains_exactly_nothing():
    X = np.random.default_rng(0).standard_normal((2300, 6)).astype(np.float32)
    variance = metrics.total_variance(X)
    assert metrics.explained_variance(variance, variance) == 0
    assert variance == pytest.approx(np.square(X - X.mean(axis=0, dtype=np.float64)).sum(axis=1).mean())


def test_metrics__codes_and_filters_of_zeros_are_as_sparse_as_can_be_or_left_out():
    Z = np.zeros((2, 4), dtype=np.float32)
    assert metrics.near_zero(Z).tolist() == metrics.hoyer_sparsity(Z).tolist() == [1, 1]
    assert metrics.gini(Z).tolist() == [0.75, 0.75]
    assert metrics.treves_rolls(Z).tolist() == [0.25, 0.25]
    assert not len(metrics.effective_area(Z))
    assert not len(spatial_spread(Z, (2, 2)))
