"""LFW from hosts on this machine, which misbehave as hosts on the network do, and from scikit-learn's data folder."""

import base64
import hashlib
import http.server
import io
import shutil
import socket
import tarfile
import threading

import numpy as np
import pytest
import sklearn.datasets._lfw as sklearn_lfw
from PIL import Image

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import FetchParams, MachineParams
from sparsefaces.fetch.sources import fetch_faces, lfw
from sparsefaces.fetch.sources.faces import UnreachableError


def small_archive():
    """LFW's archive in small: five images of two people, 250 x 250."""
    rng, archive = np.random.default_rng(0), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name in ("Ada_A_0001", "Ada_A_0002", "Bob_B_0001", "Bob_B_0002", "Bob_B_0003"):
            image = io.BytesIO()
            pixels = rng.integers(0, 256, (25, 25, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((250, 250)).save(image, "jpeg")
            info = tarfile.TarInfo(f"lfw_funneled/{name[:5]}/{name}.jpg")
            info.size = image.tell()
            image.seek(0)
            tar.addfile(info, image)
    return archive.getvalue()


ARCHIVE = small_archive()
FLIPPED = ARCHIVE[:2000] + bytes([ARCHIVE[2000] ^ 1]) + ARCHIVE[2001:]


class Host:
    """A host of the archive. Its attributes are what it answers: change them."""

    def __init__(self):
        self.body, self.status, self.headers = ARCHIVE, 200, {}
        self.sent = None  # how many bytes it sends before it breaks off; None for all
        self.login = None  # the user name and password that it asks for
        self.asked = []  # the paths that were asked for
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked.append(self.path)
                login = "Basic " + base64.b64encode((host.login or "").encode()).decode()
                self.send_response(host.status if host.login is None or self.headers["Authorization"] == login else 401)
                for name, value in ({"Content-Length": str(len(host.body))} | host.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(host.body[: host.sent])

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, **answers):
        vars(self).update(answers)


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    """Two hosts of the small LFW in the place of the public ones; scikit-learn's data folder is tmp_path's `data`."""
    hosts = [Host(), Host()]
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(lfw.MIRROR, raising=False)
    monkeypatch.setattr(lfw, "ADDRESSES", [host.url for host in hosts])
    monkeypatch.setattr(lfw, "SHA256", hashlib.sha256(ARCHIVE).hexdigest())
    monkeypatch.setattr(lfw, "IMAGES", 5)
    monkeypatch.setattr(lfw, "PEOPLE", 2)
    yield hosts
    for host in hosts:
        host.server.shutdown()
        host.server.server_close()


@pytest.fixture
def home(hosts, tmp_path):
    """Scikit-learn's folder for LFW, with nothing in it."""
    (tmp_path / "data" / lfw.HOME).mkdir(parents=True)
    return tmp_path / "data" / lfw.HOME


@pytest.fixture
def images(home):
    """The folder of images, put there by hand."""
    with tarfile.open(fileobj=io.BytesIO(ARCHIVE)) as tar:
        tar.extractall(home, filter="data")
    return home / lfw.FOLDER


def fetch(*, mirror=None, timeout=60.0, **changes):
    requested = {"source": "lfw", "fallback": "orl", "folder": "faces", "crop": None, "resize": 0.3} | changes
    machine = {"threads": 1, "device": "cpu", "checkpoint_every": 1, "download_timeout": timeout, "lfw_mirror": mirror}
    return fetch_faces(FetchParams(**requested), MachineParams(**machine))


def test_lfw__is_downloaded_unpacked_and_read_then_needs_no_host(hosts, tmp_path):
    faces = fetch()
    assert (faces.images.shape, faces.source, faces.requested) == ((5, 37, 28), "lfw", "lfw")
    assert sorted(faces.people.tolist()) == [0, 0, 1, 1, 1]
    assert not list((tmp_path / "data").rglob("*.tgz"))
    assert (fetch().images == faces.images).all()
    assert [len(host.asked) for host in hosts] == [1, 0]


def test_lfw__faces_are_those_that_scikit_learn_reads(images, tmp_path):
    faces = fetch()
    theirs = sklearn_lfw.fetch_lfw_people(data_home=tmp_path / "data", resize=0.3, download_if_missing=False)
    assert faces.images.tobytes() == theirs.images.tobytes()


def test_lfw__names_are_those_of_scikit_learn():
    published = sklearn_lfw.FUNNELED_ARCHIVE
    assert (published.filename, published.checksum, published.url) == (lfw.ARCHIVE, lfw.SHA256, lfw.ADDRESSES[0])
    assert (lfw.IMAGES, lfw.PEOPLE) == (13_233, 5_749)
    assert sorted(lfw.PAIRS) == sorted(file.filename for file in sklearn_lfw.TARGETS)


def test_lfw__takes_a_crop_and_a_size(images):
    whole = fetch(crop=(0, 250, 0, 250), resize=0.1).images
    assert whole.shape == (5, 25, 25)
    assert fetch(crop=(50, 150, 0, 250), resize=(40, 100)).images.shape == (5, 40, 100)
    assert fetch(crop=(0, 250, 0, 250), resize=(25, 25)).images == pytest.approx(whole, abs=0.01)
    with pytest.raises(UserError, match="an image of LFW is 250 x 250"):
        fetch(crop=(0, 251, 0, 250))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 503}, "503 Server Error"),
        ({"body": b"<!DOCTYPE html><title>Welcome to the hotel</title>"}, "not the published archive"),
        ({"sent": 2000}, "Connection broken"),
    ],
)
def test_download__next_address_serves_what_the_first_does_not(answer, reason, hosts, capsys):
    hosts[0].answer(**answer)
    assert fetch().source == "lfw"
    assert len(hosts[1].asked) == 1
    downloading, refused = capsys.readouterr().out.splitlines()[:2]
    assert downloading == f"Downloading lfw-funneled.tgz from {hosts[0].url}"
    assert refused.startswith("  not served: ")
    assert reason in refused


def test_download__where_no_address_serves_it_falls_back_to_whole_orl_faces_or_ends_in_one_error(home, hosts):
    hosts[0].answer(status=403)
    hosts[1].answer(body=FLIPPED)
    faces = fetch(crop=(0, 250, 0, 250))  # which is of LFW's images
    assert (faces.source, faces.requested, faces.images.shape) == ("orl", "lfw", (400, 33, 27))
    assert faces.fallback_reason == "LFW could not be downloaded"
    with pytest.raises(UnreachableError, match=r"403 Client Error.*; what it sends is not.*set fetch.fallback or"):
        fetch(fallback="none")
    assert list(home.iterdir()) == []


def test_download__silent_and_closed_ports_are_not_waited_for(hosts, monkeypatch):
    with socket.socket() as silent, socket.socket() as closed:
        for one in (silent, closed):
            one.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(lfw, "ADDRESSES", [f"http://127.0.0.1:{one.getsockname()[1]}" for one in (silent, closed)])
        with pytest.raises(UnreachableError, match="Read timed out.*Connection refused"):
            fetch(fallback="none", timeout=0.2)


def test_download__takes_the_bytes_as_sent_where_a_host_calls_gzip_an_encoding(hosts):
    hosts[0].answer(headers={"Content-Encoding": "x-gzip"})
    assert fetch().source == "lfw"
    assert hosts[1].asked == []


def test_mirror__goes_first_and_the_environments_before_that_of_params(hosts, monkeypatch):
    first, second = hosts
    monkeypatch.setattr(lfw, "ADDRESSES", [])
    first.answer(status=404)
    assert fetch(mirror=f"{first.url}/data/").source == "orl"
    monkeypatch.setenv(lfw.MIRROR, second.url)
    assert fetch(mirror=first.url).source == "lfw"
    assert (first.asked, second.asked) == (["/data/lfw-funneled.tgz"], ["/lfw-funneled.tgz"])


@pytest.mark.parametrize("password", ["s3cret", "/?#@s3cret", "a s3cret/8"])
def test_mirror__login_is_used_and_never_shown(hosts, monkeypatch, capsys, password):
    host = hosts[0]
    host.answer(login=f"zoe:{password}")
    monkeypatch.setattr(lfw, "ADDRESSES", ["zoe:s3cret@no-address"])
    monkeypatch.setenv(lfw.MIRROR, host.url.replace("//", f"//zoe:wrong-{password}@"))
    with pytest.raises(UnreachableError, match="401 Client Error") as error:
        fetch(fallback="none")
    monkeypatch.setenv(lfw.MIRROR, host.url.replace("//", f"//zoe:{password}@"))
    assert fetch().source == "lfw"
    shown = "".join((*capsys.readouterr(), str(error.value)))
    assert host.url.removeprefix("http://") in shown
    assert "zoe" not in shown
    assert "s3cret" not in shown


def test_archive__put_there_by_hand_is_unpacked_and_kept(home, hosts):
    (home / lfw.ARCHIVE).write_bytes(ARCHIVE)
    assert fetch().source == "lfw"
    assert (home / lfw.ARCHIVE).read_bytes() == ARCHIVE
    assert (hosts[0].asked, hosts[1].asked) == ([], [])


def test_archive__wrong_one_put_there_by_hand_is_an_error_that_names_it_never_a_fallback(home, hosts):
    (home / lfw.ARCHIVE).write_bytes(FLIPPED)
    with pytest.raises(UserError, match=r"lfw_home/lfw-funneled.tgz is not the published archive") as error:
        fetch()
    assert not isinstance(error.value, UnreachableError)
    assert (home / lfw.ARCHIVE).exists()
    assert (hosts[0].asked, hosts[1].asked) == ([], [])


def test_images__half_unpacked_or_unreadable_are_an_error_never_a_fallback(images):
    shutil.move(images / "Bob_B" / "Bob_B_0003.jpg", images.parent)
    with pytest.raises(UserError, match=r"LFW in .*lfw_home is not whole \(4 images\): remove that folder"):
        fetch()
    (images / "Ada_A" / "Ada_A_0001.jpg").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"LFW in .*lfw_home cannot be read \(.*Ada_A_0001.jpg"):
        fetch(resize=0.5)  # scikit-learn keeps what it has read at 0.3
