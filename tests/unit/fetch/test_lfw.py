"""LFW read from scikit-learn's data folder, whoever put it there and whoever may write there."""

import io
import json
import shutil
import tarfile

import numpy as np
import pytest
import sklearn.datasets._lfw as sklearn_lfw
from hosts import AS_ANYONE, fetch, run_fetch

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.sources import lfw, lfw_archive
from sparsefaces.fetch.sources.faces import UnreachableError


@pytest.fixture
def home(hosts, tmp_path):
    """Scikit-learn's folder for LFW, not there yet."""
    return tmp_path / "data" / lfw_archive.HOME


@pytest.fixture
def images(home, hosts):
    """The folder of images, put there by hand without anything else."""
    home.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(hosts[0].body)) as tar:
        tar.extractall(home, filter="data")
    return home / lfw_archive.FOLDER


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_lfw__downloads_unpacks_and_reads_then_needs_no_host(hosts, home):
    faces = fetch()
    assert (faces.images.shape, faces.source, faces.fallback_reason) == ((5, 37, 28), "lfw", None)
    assert sorted(faces.people.tolist()) == [0, 0, 1, 1, 1]
    assert [path.name for path in home.iterdir()] == [lfw_archive.FOLDER]
    assert (fetch().images == faces.images).all()
    assert len(hosts[0].asked) == 1


def test_lfw__faces_are_those_that_scikit_learn_reads(images, tmp_path):
    for name in lfw.PAIRS:
        (images.parent / name).touch()
    theirs = sklearn_lfw.fetch_lfw_people(data_home=tmp_path / "data", resize=0.3, download_if_missing=False)
    assert fetch().images.tobytes() == theirs.images.tobytes()
    assert sorted(lfw.PAIRS) == sorted(file.filename for file in sklearn_lfw.TARGETS)


def test_lfw__takes_a_crop_and_a_size(hosts):
    assert fetch(crop=(0, 250, 0, 250), resize=0.1).images.shape == (5, 25, 25)
    assert fetch(resize=(20, 15)).images.shape == (5, 20, 15)
    with pytest.raises(UserError, match="an image of LFW is 250 x 250"):
        fetch(crop=(0, 251, 0, 250))
    with pytest.raises(UserError, match="nothing is left"):
        fetch(resize=0.001)


@pytest.mark.parametrize("where", ["lfw_home/lfw-funneled.tgz", "lfw-funneled.tgz"])
def test_archive__put_there_by_hand_is_unpacked_and_kept(where, hosts, home):
    archive = home.parent / where
    archive.parent.mkdir(parents=True)
    archive.write_bytes(hosts[0].body)
    assert fetch().source == "lfw"
    assert archive.read_bytes() == hosts[0].body
    assert files(home)[-1].startswith(lfw_archive.FOLDER)
    assert [host.asked for host in hosts] == [[], [], []]


def test_archive__wrong_one_put_there_by_hand_is_an_error_that_names_it_and_it_is_kept(hosts, home):
    archive = home.parent / lfw_archive.ARCHIVE
    archive.parent.mkdir(parents=True)
    archive.write_bytes(hosts[0].body[:-100])
    with pytest.raises(UserError, match=r"data/lfw-funneled.tgz is not the published archive.*docs/data.md") as error:
        fetch()
    assert not isinstance(error.value, UnreachableError)
    assert archive.exists()
    assert [host.asked for host in hosts] == [[], [], []]


def test_images__half_unpacked_are_an_error_and_are_read_once_completed(images):
    half = images / "Bob_B"
    aside = shutil.move(half, images.parent / "aside")
    with pytest.raises(UserError, match=r"lfw_funneled is damaged \(2 images of 1 people instead of 5 of 2\)"):
        fetch()
    shutil.move(aside, half)
    assert len(fetch().images) == 5


def test_images__unreadable_one_is_an_error_that_names_it(images):
    image = images / "Ada_A" / "Ada_A_0001.jpg"
    image.write_bytes(b"broken")
    with pytest.raises(UserError, match=f"lfw_funneled is damaged .*cannot identify image file '{image}'"):
        fetch()


@pytest.fixture
def fetch_unwritable(hosts, home, tmp_path):
    """Run stage fetch where the data folder, and all in it, may only be read; root gives that right up for it."""
    if AS_ANYONE and not shutil.which(AS_ANYONE[0]):
        pytest.skip("root writes anywhere, and there is no setpriv to give that right up")

    def run():
        data = tmp_path / "data"
        folders = [data, *(path for path in data.rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o555)
        before = files(data)
        done = run_fetch(tmp_path / "project", hosts, hosts[0].body)
        assert files(data) == before
        for folder in folders:
            folder.chmod(0o755)  # so that it can be removed
        return done

    return run


def provenance(project):
    return json.loads((project / "stages" / "fetch" / "provenance.json").read_text())


def test_unwritable__data_folder_is_read_all_the_same(images, fetch_unwritable, hosts, tmp_path):
    assert fetch_unwritable().returncode == 0
    found = provenance(tmp_path / "project")
    assert (found["source"], found["fallback_reason"]) == ("lfw", None)
    faces = np.load(tmp_path / "project" / "stages" / "fetch" / "faces.npy")
    assert faces.tobytes() == fetch().images.tobytes()


def test_unwritable__archive_put_there_by_hand_is_read(home, fetch_unwritable, hosts, tmp_path):
    home.mkdir(parents=True)
    (home / lfw_archive.ARCHIVE).write_bytes(hosts[0].body)
    assert fetch_unwritable().returncode == 0
    assert provenance(tmp_path / "project")["source"] == "lfw"


def test_unwritable__data_folder_without_lfw_is_an_error_that_names_it_never_a_fallback(
    home, fetch_unwritable, hosts, tmp_path
):
    home.parent.mkdir()
    done = fetch_unwritable()
    assert done.returncode == 1
    assert f"error: LFW cannot be put into {home} (Permission denied): " in done.stderr
    assert "SCIKIT_LEARN_DATA" in done.stderr
    assert hosts[0].asked == []
    assert not (tmp_path / "project" / "stages").exists()


def test_unwritable__data_folder_that_is_a_file_is_an_error_that_names_it(hosts, tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(UserError, match=f"LFW cannot be put into {tmp_path}/data "):
        fetch()
