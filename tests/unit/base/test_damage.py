"""Whatever a file's bytes are: read, or refused in one message that names it; what is cached, also recognised."""

import numpy as np
import pytest

from sparsefaces.base.cache import cache_path, load_cached, save_cached
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import (
    read_array,
    read_arrays,
    read_history,
    read_json,
    write_array,
    write_arrays,
    write_csv,
    write_json,
)
from sparsefaces.training.model import Model
from sparsefaces.training.model_file import load_model, save_model
from sparsefaces.training.weights import Weights

ARRAY = np.arange(12, dtype=np.float32).reshape(4, 3)
WEIGHTS = Weights(ARRAY, ARRAY.T.copy(), np.ones(3, np.float32), np.ones(4, np.float32))
HISTORY = [{"step": 0.0, "rec": 1.5, "spa": 2.0, "ent": float("inf"), "reg": 0.5}]
FILES = {
    "array.npy": (lambda path: write_array(path, ARRAY), lambda path: read_array(path, ndim=2)),
    "arrays.npz": (lambda path: write_arrays(path, {"mean": ARRAY}), lambda path: read_arrays(path, ["mean"])),
    "model.safetensors": (lambda path: save_model(path, Model(WEIGHTS)), load_model),
    "history.csv": (lambda path: write_csv(path, HISTORY), read_history),
    "metrics.json": (lambda path: write_json(path, {"rec": 1.5}), lambda path: read_json(path, {"rec": float})),
}


def spoil(path, read, data):
    path.write_bytes(data)
    try:
        read(path)
    except UserError as error:
        assert str(path) in str(error)
        assert "`dvc repro" in str(error)


@pytest.fixture(params=FILES)
def whole(request, tmp_path):
    """The path of a good file, how it is read, and its bytes."""
    path = tmp_path / "analyze" / request.param
    write, read = FILES[request.param]
    write(path)
    return path, read, path.read_bytes()


def test_reading__bits_flipped_and_bytes_cut_or_changed_in_the_head_are_no_traceback(whole):
    path, read, data = whole
    for place in range(min(len(data), 400)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        spoil(path, read, bytes(flipped))
        for foreign in (b"", b"\xff\xfe", b",0," * 9):
            spoil(path, read, data[:place] + foreign)
            spoil(path, read, data[:place] + foreign + data[place + 7 :])


@pytest.mark.parametrize(
    "content", [None, b"", b"\x93NUMPY and then nonsense", b"step\nx\n", b"step,rec\n0,1\n", b"{}"]
)
@pytest.mark.parametrize("name", FILES)
def test_reading__missing_or_damaged_file_is_an_error_that_names_it_and_the_remedy(tmp_path, name, content):
    path = tmp_path / "standardize" / name
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=rf"standardize/{name} .*`dvc repro") as error:
        FILES[name][1](path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"rec": NaN}', '{"rec": Infinity}', '{"rec": "1"}', "{}", "[1, 2]"])
def test_reading__json_of_another_kind_is_an_error(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(UserError, match=r"metrics.json "):
        read_json(tmp_path / "metrics.json", {"rec": float})


def test_reading__folder_in_a_files_place_is_an_error(tmp_path):
    for name, (_, read) in FILES.items():
        (tmp_path / name).mkdir()
        with pytest.raises(UserError, match=name):
            read(tmp_path / name)


def test_history__of_nan_is_an_error(tmp_path):
    write_csv(tmp_path / "history.csv", [HISTORY[0] | {"rec": float("nan")}])
    with pytest.raises(UserError, match="it holds NaN"):
        read_history(tmp_path / "history.csv")


def test_cache__any_flipped_bit_is_recognised(in_tmp, capsys):
    save_cached("refits/dense", "k", WEIGHTS._asdict())
    path = cache_path("refits/dense", "k")
    data = path.read_bytes()
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        assert load_cached("refits/dense", "k") is None, place
    for length in (0, 1, 40, len(data) - 1):
        path.write_bytes(data[:length])
        assert load_cached("refits/dense", "k") is None
    save_cached("refits/dense", "k", WEIGHTS._asdict())
    assert (load_cached("refits/dense", "k")["V"] == ARRAY).all()
