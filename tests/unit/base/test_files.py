import numpy as np
import pytest

from sparsefaces.base.errors import UserError
from sparsefaces.base.files import (
    NO_JSON,
    atomic,
    read_array,
    read_arrays,
    read_history,
    read_json,
    reading,
    sha256,
    write_array,
    write_arrays,
    write_bytes,
    write_csv,
    write_json,
)
from sparsefaces.training.weights import Weights
from sparsefaces.training.weights_file import load_weights, save_weights


def test_atomic__interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.bin"
    write_bytes(path, b"old")

    def interrupted():
        with atomic(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    pytest.raises(KeyboardInterrupt, interrupted)
    assert [file.name for file in tmp_path.iterdir()] == ["out.bin"]
    assert path.read_bytes() == b"old"


def test_arrays__come_back_and_have_the_same_bytes_each_time(tmp_path, faces):
    for name in ("a", "b"):
        write_array(tmp_path / f"{name}.npy", faces)
        write_arrays(tmp_path / f"{name}.npz", {"mean": faces[0], "source": np.asarray("orl")})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    array = read_array(tmp_path / "a.npy", ndim=3)
    assert isinstance(array, np.memmap)
    assert (array == faces).all()
    assert str(read_arrays(tmp_path / "a.npz", ["source"])["source"]) == "orl"


def test_history__floats_come_back_exactly_also_inf(tmp_path):
    rows = [dict.fromkeys(("step", "rec", "spa", "ent", "reg"), value) for value in (0.0, float("inf"), 0.1 + 0.2)]
    write_csv(tmp_path / "history.csv", rows)
    assert read_history(tmp_path / "history.csv") == rows


def test_write_json__refuses_what_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"ent": float("inf")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "read",
    [
        lambda path: read_array(path, ndim=2),
        lambda path: read_arrays(path, ["mean"]),
        lambda path: read_json(path, {"rec": float}),
        read_history,
        load_weights,
    ],
)
@pytest.mark.parametrize(
    "content", [None, b"", b"\x93NUMPY and then nonsense", b"step\nx\n", b"step,rec\n0,1\n", b"[1]", b"{}"]
)
def test_reading__missing_or_damaged_file_is_an_error_that_names_it_and_the_remedy(tmp_path, read, content):
    path = tmp_path / "standardize" / "file"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"standardize/file .*`dvc repro") as error:
        read(path)
    assert "\n" not in str(error.value)


def test_reading__bug_in_our_own_code_is_a_traceback(tmp_path):
    with pytest.raises(TypeError), reading(tmp_path / "x.json", *NO_JSON):
        len(None)


def test_read_array__another_type_or_shape_is_an_error(tmp_path):
    write_array(tmp_path / "x.npy", np.zeros((2, 3)))
    with pytest.raises(UserError, match="does not hold a float32 array of 2 dimensions"):
        read_array(tmp_path / "x.npy", ndim=2)


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    sizes = ((6, 4), (4, 6), (4,), (6,))
    return Weights(*(rng.standard_normal(size, dtype=np.float32) for size in sizes))


def test_checkpoint__comes_back_bit_for_bit_with_the_same_bytes_under_any_name(tmp_path, weights):
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
def test_checkpoint__unfit_tensor_is_an_error_that_names_it(tmp_path, weights, change, message):
    save_weights(tmp_path / "model.safetensors", weights._replace(**change))
    with pytest.raises(UserError, match=message):
        load_weights(tmp_path / "model.safetensors")


def test_checkpoint__for_faces_of_another_size_is_an_error_with_both_sizes(tmp_path, weights):
    save_weights(tmp_path / "model.safetensors", weights)
    with pytest.raises(UserError, match="for faces of 6 pixels, but these have 1036"):
        load_weights(tmp_path / "model.safetensors", pixels=1036)
