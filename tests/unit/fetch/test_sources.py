import errno
import os

import numpy as np
import pytest
from PIL import Image

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import FetchParams, MachineParams
from sparsefaces.fetch.sources import fetch_faces, folder, orl


@pytest.fixture
def image_folder(tmp_path):
    """Three people with two images each, 20 x 16 pixels, in two formats."""
    rng = np.random.default_rng(1)
    for person in ("ada", "bob", "cyd"):
        (tmp_path / "own" / person).mkdir(parents=True)
        for name in ("1.png", "2.JPG"):
            pixels = rng.integers(0, 256, (20, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / person / name)
    return tmp_path / "own"


@pytest.mark.parametrize(("source", "count"), [("orl", 400), ("folder", 6)])
def test_fetch_faces__reads_the_source_that_is_named(source, count, image_folder):
    requested = FetchParams(source=source, fallback="none", folder=str(image_folder), crop=(0, 20, 0, 16), resize=0.5)
    machine = MachineParams(threads=1, device="cpu", checkpoint_every=1, download_timeout=1.0, lfw_mirror=None)
    faces = fetch_faces(requested, machine)
    assert (faces.source, faces.requested, faces.fallback_reason) == (source, source, None)
    assert faces.images.shape == (count, 10, 8)


def test_orl__is_400_faces_of_40_people_the_first_image_of_each_first():
    faces = orl.read(None, 1.0)
    assert (faces.images.shape, faces.images.dtype) == ((400, 112, 92), np.float32)
    assert (faces.people == np.tile(np.arange(40), 10)).all()
    assert len({image.tobytes() for image in faces.images}) == 400
    first = np.asarray(Image.open(orl.folder() / "s2" / "1.pgm"), dtype=np.float32) / 255
    assert (faces.images[1] == first).all()


def test_folder__reads_every_image_below_it_and_counts_people_and_those_in_colour(image_folder):
    (image_folder / "ada" / "._1.png").write_bytes(b"what macOS leaves")
    (image_folder / ".DS_Store").touch()
    Image.open(image_folder / "cyd" / "1.png").convert("L").convert("RGB").save(image_folder / "cyd" / "1.png")
    faces = folder.read(str(image_folder), None, 1.0)
    assert (faces.source, faces.people.tolist()) == ("folder", [0, 0, 1, 1, 2, 2])
    first = np.asarray(Image.open(image_folder / "ada" / "1.png").convert("L"), dtype=np.float32) / 255
    assert (faces.images[0] == first).all()
    assert (faces.colour, faces.skipped) == (5, [])
    assert folder.read(str(image_folder / "ada"), None, 0.5).people is None


def test_folder__person_is_the_top_folder_with_all_below_it(image_folder):
    (image_folder / "ada" / "2.JPG").rename(image_folder / "ada" / "3.jpg")
    for person in ("bob", "cyd"):
        (image_folder / person / "second session").mkdir()
        (image_folder / person / "2.JPG").rename(image_folder / person / "second session" / "1.jpg")
    assert folder.read(str(image_folder), None, 0.5).people.tolist() == [0, 0, 1, 1, 2, 2]


def test_folder__image_beside_the_folders_of_people_is_left_out_by_name(image_folder):
    Image.new("L", (16, 20)).save(image_folder / "stray.png")
    (image_folder / "ada" / "2.JPG").rename(image_folder / "2.JPG")
    faces = folder.read(str(image_folder), None, 0.5)
    assert faces.people.tolist() == [0, 1, 1, 2, 2]
    assert faces.skipped == ["2.JPG (in no person's folder)", "stray.png (in no person's folder)"]


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN", ".thumbs"])
def test_folder__what_programs_leave_beside_images_is_no_person_and_left_out_by_name(name, image_folder):
    for place in (image_folder / name / "1.png", image_folder / "bob" / name / "1.png" / "thumbnail.jpg"):
        place.parent.mkdir(parents=True)
        Image.new("L", (16, 20)).save(place)
    faces = folder.read(str(image_folder), None, 0.5)
    assert faces.people.tolist() == [0, 0, 1, 1, 2, 2]
    assert faces.skipped == [f"{name} (a folder of a program)", f"bob/{name} (a folder of a program)"]


def test_folder__reads_linked_files_and_names_what_it_leaves_out(image_folder, tmp_path):
    (image_folder / "bob" / "linked.png").symlink_to(image_folder / "cyd" / "1.png")
    (image_folder / "bob" / "gone.png").symlink_to(tmp_path / "nowhere")
    (image_folder / ".behind").symlink_to(tmp_path)
    (image_folder / "ada" / "phone.heic").touch()
    (image_folder / "README.md").touch()
    (tmp_path / "link").symlink_to(image_folder)
    faces = folder.read(str(tmp_path / "link"), None, 0.5)
    assert faces.people.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert faces.skipped == [
        ".behind (a folder of a program)",
        "ada/phone.heic (no image by its name)",
        "bob/gone.png (no file)",
    ]


@pytest.mark.parametrize("at", ["cyd", "ada/more"])
def test_folder__link_to_a_folder_whose_changes_dvc_would_overlook_is_refused_by_name(at, image_folder, tmp_path):
    elsewhere = (image_folder / "cyd").rename(tmp_path / "elsewhere")
    (image_folder / at).symlink_to(elsewhere)
    with pytest.raises(UserError, match=rf"{image_folder / at} is a link to a folder, .* name {elsewhere} or a folder"):
        folder.read(str(image_folder), None, 0.5)


def test_folder__folder_that_cannot_be_opened_is_refused_by_name(image_folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if path == str(image_folder / "bob"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match=str(image_folder / "bob")):
        folder.read(str(image_folder), None, 0.5)


def test_folder__missing_or_empty_folder_is_an_error(tmp_path):
    (tmp_path / "README.md").write_text("no image")
    with pytest.raises(UserError, match="holds no image"):
        folder.read(str(tmp_path), None, 1.0)
    with pytest.raises(UserError, match="not a folder"):
        folder.read(str(tmp_path / "none"), None, 1.0)


def test_folder__different_sizes_are_an_error_with_the_remedy_which_works(image_folder):
    Image.new("L", (9, 9)).save(image_folder / "bob" / "small.png")
    with pytest.raises(UserError, match=r"small.png 4 x 4: set fetch.resize to one \[height, width\]"):
        folder.read(str(image_folder), None, 0.5)
    assert folder.read(str(image_folder), None, (7, 6)).images.shape == (7, 7, 6)
