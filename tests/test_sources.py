import hashlib
import http.server
import io
import socket
import tarfile
import threading

import numpy as np
import pytest
import sklearn.datasets._lfw as sklearn_lfw
from conftest import ROOT
from PIL import Image

from sparsefaces.errors import UserError
from sparsefaces.params import load_params
from sparsefaces.sources import Faces, fetch_faces, folder, lfw, orl
from sparsefaces.sources.faces import UnreachableError

FETCH = load_params(ROOT / "params.yaml").fetch


def fetch(**changes):
    return fetch_faces(FETCH.model_copy(update=changes), timeout=2)


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


def test_folder__reads_every_image_below_it_and_counts_people(image_folder):
    faces = folder.read(str(image_folder), None, 0.5)
    assert faces.images.shape == (6, 10, 8)
    assert (faces.source, faces.people.tolist()) == ("folder", [0, 0, 1, 1, 2, 2])
    (image_folder / "ada" / "._1.png").write_bytes(b"what macOS leaves")
    assert len(folder.read(str(image_folder), None, 0.5).images) == 6


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


def test_lfw__urls_and_hashes_are_those_of_scikit_learn():
    published = [sklearn_lfw.FUNNELED_ARCHIVE, *sklearn_lfw.TARGETS]
    assert {file.filename: file.url for file in published} == lfw.URLS
    assert {file.filename: file.checksum for file in published} == lfw.HASHES


class Host:
    """A host of LFW's files on this machine, which can misbehave."""

    def __init__(self, files):
        self.files, self.status, self.cut = files, 200, False
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = host.files.get(self.path[1:], b"")
                self.send_response(host.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if host.cut else body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def small_lfw():
    """Make LFW in small: five images of two people, 250 x 250, and the lists of pairs."""
    rng = np.random.default_rng(0)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for person, count in (("Ada_A", 2), ("Bob_B", 3)):
            for number in range(1, count + 1):
                image = io.BytesIO()
                pixels = rng.integers(0, 256, (25, 25, 3), dtype=np.uint8)
                Image.fromarray(pixels).resize((250, 250)).save(image, "jpeg")
                info = tarfile.TarInfo(f"lfw_funneled/{person}/{person}_{number:04}.jpg")
                info.size = image.tell()
                image.seek(0)
                tar.addfile(info, image)
    pairs = ("pairs.txt", "pairsDevTrain.txt", "pairsDevTest.txt")
    return {name: name.encode() for name in pairs} | {lfw.ARCHIVE: archive.getvalue()}


@pytest.fixture
def host(tmp_path, monkeypatch):
    host = Host(small_lfw())
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(lfw, "URLS", {name: f"{host.url}/{name}" for name in host.files})
    hashes = {name: hashlib.sha256(body).hexdigest() for name, body in host.files.items()}
    monkeypatch.setattr(lfw, "HASHES", hashes)
    monkeypatch.setattr(lfw, "IMAGES", 5)
    monkeypatch.setattr(lfw, "PEOPLE", 2)
    yield host
    host.server.shutdown()


def test_lfw__downloads_unpacks_and_reads_then_needs_no_host(host, tmp_path):
    faces = fetch()
    assert (faces.images.shape, faces.source, faces.fallback_reason) == ((5, 37, 28), "lfw", None)
    assert sorted(faces.people.tolist()) == [0, 0, 1, 1, 1]
    assert not (tmp_path / "data" / "lfw_home" / lfw.ARCHIVE).exists()
    host.status = 500
    assert (fetch().images == faces.images).all()


def test_lfw__takes_a_crop_and_a_size(host):
    assert fetch(crop=(0, 250, 0, 250), resize=0.1).images.shape == (5, 25, 25)
    assert fetch(resize=(20, 15)).images.shape == (5, 20, 15)
    with pytest.raises(UserError, match="LFW's images are 250 x 250"):
        fetch(crop=(0, 251, 0, 250))
    with pytest.raises(UserError, match="nothing is left"):
        fetch(resize=0.001)


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(params=["HTTP 403", "HTTP 503", "no connection", "timed out", "cut off"])
def unreachable(request, host, monkeypatch):
    silent = socket.socket()
    if request.param.startswith("HTTP"):
        host.status = int(request.param.split()[1])
    elif request.param == "cut off":
        host.cut = True
    else:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1] if request.param == "timed out" else unused_port()
        monkeypatch.setattr(lfw, "URLS", dict.fromkeys(lfw.URLS, f"http://127.0.0.1:{port}/file"))
    yield "no connection" if request.param == "cut off" else request.param
    silent.close()


def test_lfw__where_the_host_cannot_be_reached_falls_back_to_orl_and_says_why(unreachable):
    faces = fetch(crop=(0, 250, 0, 250))  # a crop for LFW's images does not stop the fallback
    assert (faces.source, faces.wanted, len(faces.images)) == ("orl", "lfw", 400)
    assert faces.fallback_reason == f"LFW could not be downloaded ({unreachable})"


def test_lfw__without_a_fallback_an_unreachable_host_is_an_error_with_the_remedies(unreachable, tmp_path):
    with pytest.raises(UnreachableError, match="set fetch.fallback or fetch.source to orl"):
        fetch(fallback="none")
    assert not (tmp_path / "data" / "lfw_home" / lfw.FOLDER).exists()


def test_lfw__damaged_download_is_an_error_never_a_fallback_and_leaves_nothing(host, tmp_path):
    host.files[lfw.ARCHIVE] = host.files[lfw.ARCHIVE][:-1] + b"x"
    with pytest.raises(UserError, match=r"lfw-funneled.tgz.* is damaged: its SHA-256") as error:
        fetch()
    assert not isinstance(error.value, UnreachableError)
    assert not list((tmp_path / "data" / "lfw_home").glob("lfw*"))


def test_lfw__incomplete_folder_is_an_error_that_names_it(host, tmp_path):
    fetch()
    home = tmp_path / "data" / "lfw_home"
    next((home / lfw.FOLDER).rglob("*.jpg")).unlink()
    with pytest.raises(UserError, match=r"lfw_home is damaged \(4 images of 2 people instead of 5 of 2\)"):
        fetch(resize=0.2)


def test_lfw__unreadable_image_is_an_error_that_names_the_folder(host, tmp_path):
    fetch()
    next((tmp_path / "data" / "lfw_home" / lfw.FOLDER).rglob("*.jpg")).write_bytes(b"broken")
    with pytest.raises(UserError, match=r"lfw_home is damaged .*cannot identify image file"):
        fetch(resize=0.2)


def test_faces__are_what_every_source_returns(host, image_folder):
    for source in ("lfw", "orl", "folder"):
        faces = fetch(source=source, folder=str(image_folder), resize=(8, 6))
        assert isinstance(faces, Faces)
        assert faces.images.shape[1:] == (8, 6)
