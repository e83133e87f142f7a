"""Weights on disk, and what NumPy computes with them."""

import numpy as np
import pytest
import torch

from sparsefaces.base.errors import UserError
from sparsefaces.base.files import sha256
from sparsefaces.training import objective
from sparsefaces.training.weights import Weights, decode, encode
from sparsefaces.training.weights_file import load_weights, save_weights


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    sizes = ((6, 4), (4, 6), (4,), (6,))
    return Weights(*(rng.standard_normal(size, dtype=np.float32) for size in sizes))


def test_weights__comes_back_bit_for_bit_with_the_same_bytes_under_any_name(tmp_path, weights):
    save_weights(tmp_path / "a.safetensors", weights)
    save_weights(tmp_path / "another.safetensors", weights)
    assert sha256(tmp_path / "a.safetensors") == sha256(tmp_path / "another.safetensors")
    loaded = load_weights(tmp_path / "a.safetensors", pixels=6)
    assert all((a == b).all() for a, b in zip(loaded, weights, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W": np.zeros((5, 6), np.float32)}, r"W is float32 of shape \(5, 6\), not float32 of \(4, 6\)"),
        ({"b": np.zeros(4)}, "b is float64"),
        ({"V": np.zeros(6, np.float32)}, r"V is float32 of shape \(6,\)"),
        ({"a": np.full(6, np.nan, np.float32)}, "a has values that are NaN or infinite"),
    ],
)
def test_weights__unfit_tensor_is_an_error_that_names_it(tmp_path, weights, change, message):
    save_weights(tmp_path / "model.safetensors", weights._replace(**change))
    with pytest.raises(UserError, match=message):
        load_weights(tmp_path / "model.safetensors")


def test_weights__for_faces_of_another_size_is_an_error_with_both_sizes(tmp_path, weights):
    save_weights(tmp_path / "model.safetensors", weights)
    with pytest.raises(UserError, match="for faces of 6 pixels, but these have 1036"):
        load_weights(tmp_path / "model.safetensors", pixels=1036)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"nonsense"])
def test_weights__missing_or_damaged_file_is_an_error_that_names_it_and_the_remedy(tmp_path, content):
    path = tmp_path / "train_dense" / "model.safetensors"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"train_dense/model.safetensors .*`dvc repro"):
        load_weights(path)


def test_numpy__code_and_reconstruction_are_those_of_the_objective(weights):
    X = np.random.default_rng(1).standard_normal((5, 6), dtype=np.float32)
    V, W, b, a = map(torch.from_numpy, weights)
    Z = objective.encode(torch.from_numpy(X), V, b)
    assert 0 < int((Z == 0).sum()) < Z.numel()
    np.testing.assert_allclose(encode(X, weights.V, weights.b), Z, rtol=0, atol=1e-6)
    np.testing.assert_allclose(decode(Z.numpy(), weights.W, weights.a), torch.addmm(a, Z, W), rtol=0, atol=1e-5)
