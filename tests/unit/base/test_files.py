import resource
from contextlib import contextmanager

import numpy as np
import pytest

from sparsefaces.base.files import (
    read_csv,
    read_history,
    read_json,
    sha256,
    write_array,
    write_arrays,
    write_bytes,
    write_csv,
    write_json,
)


@contextmanager
def small_files():
    """Let this process write no large file: the nearest to a full disk that needs no disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_write_bytes__that_cannot_write_all_leaves_the_old_file(tmp_path):
    path = tmp_path / "stages" / "fetch" / "out.bin"
    write_bytes(path, b"old")
    with small_files(), pytest.raises(OSError, match="File too large"):
        write_bytes(path, bytes(20_000))
    assert path.read_bytes() == b"old"
    write_bytes(path, b"new")
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [("out.bin", b"new")]


def test_arrays__come_back_and_have_the_same_bytes_each_time(tmp_path, faces):
    for name in ("a", "b"):
        write_array(tmp_path / f"{name}.npy", faces)
        write_arrays(tmp_path / f"{name}.npz", {"mean": faces[0], "source": np.asarray("orl")})
    assert sha256(tmp_path / "a.npz") == sha256(tmp_path / "b.npz") != sha256(tmp_path / "a.npy")
    assert (np.load(tmp_path / "a.npy") == faces).all()
    with np.load(tmp_path / "a.npz") as arrays:
        assert (arrays["mean"] == faces[0]).all()
        assert str(arrays["source"]) == "orl"


def test_history__floats_come_back_exactly_also_inf(tmp_path):
    rows = [dict.fromkeys(("step", "rec", "spa", "ent", "reg"), value) for value in (0.0, float("inf"), 0.1 + 0.2)]
    write_csv(tmp_path / "history.csv", rows)
    assert read_history(tmp_path / "history.csv") == rows


def test_write_csv__none_is_an_empty_cell(tmp_path):
    write_csv(tmp_path / "x.csv", [{"name": "a", "psnr": None}, {"name": "b", "psnr": 0.5}])
    assert (tmp_path / "x.csv").read_bytes() == b"name,psnr\na,\nb,0.5\n"
    assert read_csv(tmp_path / "x.csv") == [{"name": "a", "psnr": ""}, {"name": "b", "psnr": "0.5"}]


def test_write_json__is_an_object_over_several_lines_and_holds_finite_numbers_alone(tmp_path):
    write_json(tmp_path / "x.json", {"rec": 0.5, "claims": [1]})
    assert (tmp_path / "x.json").read_text() == '{\n  "rec": 0.5,\n  "claims": [\n    1\n  ]\n}\n'
    assert read_json(tmp_path / "x.json") == {"rec": 0.5, "claims": [1]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"ent": float("inf")})
