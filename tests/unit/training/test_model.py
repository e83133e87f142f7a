"""A model on disk, what NumPy computes with it, and how its code is made."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file
from samples import model_params

from sparsefaces.base.errors import UserError
from sparsefaces.base.files import sha256
from sparsefaces.training.activations import RELU, Activation
from sparsefaces.training.model import Model, activation_of
from sparsefaces.training.model_file import load_model, save_model
from sparsefaces.training.objective import sparsify
from sparsefaces.training.weights import Weights

TOP_2 = Activation("topk", {"k": 2})


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    sizes = ((6, 4), (4, 6), (4,), (6,))
    return Weights(*(rng.standard_normal(size, dtype=np.float32) for size in sizes))


@pytest.mark.parametrize("activation", [RELU, TOP_2, Activation("topk", {"k": 4})])
def test_model__comes_back_bit_for_bit_with_the_same_bytes_under_any_name(tmp_path, weights, activation):
    save_model(tmp_path / "a.safetensors", Model(weights, activation))
    save_model(tmp_path / "another.safetensors", Model(weights, activation))
    assert sha256(tmp_path / "a.safetensors") == sha256(tmp_path / "another.safetensors")
    loaded = load_model(tmp_path / "a.safetensors")
    assert all((a == b).all() for a, b in zip(loaded.weights, weights, strict=True))
    assert loaded.activation == activation


def test_model__of_a_file_that_names_no_activation_is_of_relu(tmp_path, weights):
    save_file(weights._asdict(), tmp_path / "old.safetensors")
    assert load_model(tmp_path / "old.safetensors").activation == RELU


@pytest.mark.parametrize("activation", [RELU, TOP_2])
def test_numpy__code_and_reconstruction_are_those_of_the_objective(weights, activation):
    X = np.random.default_rng(1).standard_normal((5, 6), dtype=np.float32)
    model = Model(weights, activation)
    V, W, b, a = map(torch.from_numpy, weights)
    Z = sparsify(torch.relu(torch.addmm(b, torch.from_numpy(X), V)), activation)
    assert 0 < int((Z == 0).sum()) < Z.numel()
    np.testing.assert_allclose(model.encode(X), Z, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.decode(Z.numpy()), torch.addmm(a, Z, W), rtol=0, atol=1e-5)


# Few values, so that many are equal; -0.0, too, which max(0, .) may give.
CODES = arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 8)), elements=st.sampled_from([-0.0, 0.0, 1.0, 2.0, 3.5])
)


@given(Z=CODES, data=st.data())
def test_topk__keeps_the_k_largest_and_of_equal_ones_the_lower_units(Z, data):
    k = data.draw(st.integers(1, Z.shape[1]))
    kept = Activation("topk", {"k": k}).keep(Z)
    for row, keeps in zip(Z.tolist(), kept, strict=True):
        chosen = sorted(range(len(row)), key=lambda unit: (-row[unit], unit))[:k]
        assert np.flatnonzero(keeps).tolist() == sorted(chosen)


@given(Z=CODES)
def test_topk__of_as_many_as_there_are_units_is_relu(Z):
    kept = Activation("topk", {"k": Z.shape[1]}).apply(Z)
    assert kept.tobytes() == np.asarray(RELU.apply(Z)).tobytes()


def test_topk__does_not_hide_what_is_not_a_number():
    assert np.isnan(Activation("topk", {"k": 1}).apply(np.array([[1.0, np.nan, 0.5]]))).any()


def test_activation_of__a_section_names_it_and_gives_its_numbers_and_no_others():
    assert activation_of(model_params(activation="topk", k=2)) == TOP_2
    assert activation_of(model_params()) == RELU
    for wrong, said in (
        ({"activation": "tanh"}, "activation is 'tanh', but must be one of relu, topk"),
        ({"activation": "topk"}, "k must be given with activation topk"),
        ({"k": 2}, "k must be null with activation relu"),
    ):
        with pytest.raises(UserError, match=said):
            activation_of(model_params(**wrong))
