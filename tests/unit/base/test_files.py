import numpy as np
import pytest

from sparsefaces.base.errors import UserError
from sparsefaces.base.files import (
    NO_JSON,
    atomic,
    read_array,
    read_arrays,
    read_history,
    reading,
    write_array,
    write_arrays,
    write_bytes,
    write_csv,
    write_json,
)


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


def test_reading__bug_in_our_own_code_is_a_traceback(tmp_path):
    with pytest.raises(TypeError), reading(tmp_path / "x.json", *NO_JSON):
        len(None)


def test_read_array__another_type_or_shape_is_an_error(tmp_path):
    write_array(tmp_path / "x.npy", np.zeros((2, 3)))
    with pytest.raises(UserError, match="does not hold a float32 array of 2 dimensions"):
        read_array(tmp_path / "x.npy", ndim=2)
