import re

import numpy as np
import pytest
from hosts import fetch
from PIL import Image
from samples import small_files

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.sources import folder, orl


def test_orl__is_400_faces_of_40_people_33_x_27_at_the_default_size():
    faces = fetch(source="orl")
    assert faces.images.shape == (400, 33, 27)
    assert faces.images.dtype == np.float32
    assert 0 <= faces.images.min() < 0.1 < 0.8 < faces.images.max() <= 1
    assert (faces.source, faces.wanted, faces.fallback_reason) == ("orl", "orl", None)
    assert (faces.people == np.tile(np.arange(40), 10)).all()
    assert len({image.tobytes() for image in faces.images}) == 400


def test_orl__starts_with_a_different_person_each():
    first = np.asarray(Image.open(orl.folder() / "s2" / "1.pgm"), dtype=np.float32) / 255
    assert (orl.read(None, 1.0).images[1] == first).all()


def test_folder__reads_every_image_below_it_and_counts_people(image_folder, capsys):
    faces = folder.read(str(image_folder), None, 0.5)
    assert folder.read(str(image_folder), None, 1.0).images.shape == (6, 20, 16)
    assert "enlarges" not in capsys.readouterr().out
    assert faces.images.shape == (6, 10, 8)
    assert (faces.source, faces.people.tolist()) == ("folder", [0, 0, 1, 1, 2, 2])
    (image_folder / "ada" / "._1.png").write_bytes(b"what macOS leaves")
    assert len(folder.read(str(image_folder), None, 2.0).images) == 6
    assert re.search("enlarges .*1.png, 20 x 16, to 40 x 32\n", capsys.readouterr().out)


def test_folder__reads_linked_files_passes_hidden_ones_over_and_names_what_it_leaves_out(image_folder, tmp_path):
    (image_folder / "bob" / "linked.png").symlink_to(image_folder / "cyd" / "1.png")
    (image_folder / "bob" / "gone.png").symlink_to(tmp_path / "nowhere")
    (image_folder / ".thumbs").mkdir()
    (image_folder / ".thumbs" / "1.png").write_bytes(b"what a viewer leaves")
    (image_folder / ".behind").symlink_to(tmp_path)
    (image_folder / "ada" / "phone.heic").touch()
    (image_folder / "README.md").touch()
    (tmp_path / "link").symlink_to(image_folder)
    faces = folder.read(str(tmp_path / "link"), None, 0.5)
    assert faces.people.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert faces.left_out == ["ada/phone.heic", "bob/gone.png"]


@pytest.mark.parametrize("at", ["cyd", "ada/more"])
def test_folder__link_to_a_folder_whose_changes_dvc_would_overlook_is_refused_by_name(at, image_folder, tmp_path):
    elsewhere = (image_folder / "cyd").rename(tmp_path / "elsewhere")
    (image_folder / at).symlink_to(elsewhere)
    with pytest.raises(UserError, match=rf"{image_folder / at} is a link to a folder, .* name {elsewhere} or a folder"):
        folder.read(str(image_folder), None, 0.5)


def test_folder__flat_folder_knows_no_people(image_folder):
    assert folder.read(str(image_folder / "ada"), None, 0.5).people is None
    (image_folder / "ada" / "1.png").rename(image_folder / "1.png")
    assert folder.read(str(image_folder), None, 0.5).people is None  # not every image tells whose it is


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


def test_fetch__disk_that_is_full_is_an_error_that_names_the_folder(in_tmp):
    said = rf"{in_tmp}/.scratch cannot be written \(.*\): make room there"
    with small_files(), pytest.raises(UserError, match=said):
        fetch(source="orl")
    assert list((in_tmp / ".scratch").iterdir()) == []
