"""LFW's archive from hosts that misbehave, each in one of the ways that were seen."""

import io
import re
import tarfile

import pytest
import sklearn.datasets._lfw as sklearn_lfw
from hosts import CHALLENGE, PAGE, PARAMS, fetch, port_nobody_serves
from samples import small_files

from sparsefaces.base import progress
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import parse_params
from sparsefaces.fetch.outputs import save_faces
from sparsefaces.fetch.sources import lfw_archive
from sparsefaces.fetch.sources.download import Address
from sparsefaces.fetch.sources.faces import UnreachableError

DAMAGED = "damaged: its SHA-256 is not the published one"
# What an address answers, by what is said of it.
NOT_REACHED = [
    ("HTTP 202, a challenge that only browsers pass", CHALLENGE),
    ("HTTP 202", {"status": 202, "body": b""}),
    ("HTTP 204", {"status": 204, "body": b""}),
    ("HTTP 206", {"status": 206}),
    ("HTTP 403", {"status": 403, "body": PAGE}),
    ("HTTP 429", {"status": 429}),
    ("HTTP 503", {"status": 503}),
    ("an empty answer", {"body": b""}),
    ("a web page instead of the file", {"body": PAGE}),
    ("something else than the file", {"body": b'{"message": "busy"}'}),
    ("broke off", {"sent": 2000}),
    (DAMAGED, {"body": b"\x1f\x8b" + bytes(3000)}),
    ("redirects without end", {"status": 302, "headers": {"Location": "/again"}}),
]


def flipped(archive):
    """Change one byte in the middle."""
    middle = len(archive) // 2
    return archive[:middle] + bytes([archive[middle] ^ 1]) + archive[middle + 1 :]


@pytest.mark.parametrize(("reason", "answer"), NOT_REACHED)
def test_download__next_address_serves_what_the_first_does_not(reason, answer, hosts, capsys):
    hosts[0].answer(**answer)
    assert fetch().source == "lfw"
    assert f"Downloading lfw-funneled.tgz from {hosts[0].url}\n  not served: {reason}\n" in capsys.readouterr().out
    assert (len(hosts[1].asked), hosts[2].asked) == (1, [])


def test_download__where_no_address_serves_it_falls_back_and_leaves_nothing(hosts, tmp_path):
    hosts[0].answer(**CHALLENGE)
    hosts[1].answer(sent=2000)
    hosts[2].answer(body=PAGE)
    faces = fetch(crop=(0, 250, 0, 250))  # a crop for LFW's images does not stop the fallback
    assert (faces.source, faces.wanted, len(faces.images)) == ("orl", "lfw", 400)
    assert faces.fallback_reason == (
        "LFW could not be downloaded (host 1: HTTP 202, a challenge that only browsers pass; host 2: broke off; "
        "host 3: a web page instead of the file)"
    )
    assert list((tmp_path / "data" / "lfw_home").iterdir()) == []


def test_download__silence_and_refused_connections_are_not_reached(hosts, monkeypatch):
    (silent, silent_url), (refusing, refusing_url) = port_nobody_serves(silent=True), port_nobody_serves(silent=False)
    monkeypatch.setattr(lfw_archive, "ADDRESSES", [Address("a", silent_url), Address("b", refusing_url)])
    with silent, refusing:
        reason = fetch(timeout=0.5).fallback_reason
    assert reason == "LFW could not be downloaded (a: timed out; b: no connection)"


def test_download__addresses_that_cannot_be_used_are_not_reached(hosts, monkeypatch):
    not_https = hosts[0].url.replace("http:", "https:")
    monkeypatch.setattr(lfw_archive, "ADDRESSES", [Address("a", not_https), Address("b", "http://[")])
    reason = fetch().fallback_reason
    assert reason == "LFW could not be downloaded (a: no secure connection; b: not a usable address)"


def test_download__provenance_is_the_same_bytes_each_time_the_same_is_wrong(hosts, in_tmp):
    hosts[0].answer(**CHALLENGE, length=False)
    hosts[1].answer(body=PAGE)
    written = []
    for turn in range(2):
        hosts[2].answer(sent=1000 + turn)  # a connection does not break at the same byte twice
        save_faces(fetch())
        written.append((in_tmp / "stages" / "fetch" / "provenance.json").read_bytes())
    assert b"host 3: broke off" in written[0]
    assert written[0] == written[1]


def test_download__without_a_fallback_is_an_error_with_every_answer_and_the_remedies(hosts):
    hosts[0].answer(**CHALLENGE)
    hosts[1].answer(status=403)
    hosts[2].answer(body=PAGE)
    with pytest.raises(UnreachableError) as error:
        fetch(fallback="none")
    assert str(error.value) == (
        "LFW could not be downloaded:\n"
        f"  {hosts[0].url}: HTTP 202, a challenge that only browsers pass\n"
        f"  {hosts[1].url}: HTTP 403\n"
        f"  {hosts[2].url}: a web page instead of the file\n"
        "check the network, or set fetch.fallback or fetch.source to orl in params.yaml; "
        "docs/data.md tells how to put lfw-funneled.tgz there by hand"
    )


def test_download__archive_damaged_wherever_it_is_is_an_error_never_a_fallback(hosts, tmp_path):
    hosts[0].answer(**CHALLENGE)
    hosts[1].answer(body=hosts[1].body[:-1] + b"x")
    hosts[2].answer(body=flipped(hosts[2].body))
    with pytest.raises(UserError, match="lfw-funneled.tgz arrives damaged") as error:
        fetch()
    assert not isinstance(error.value, UnreachableError)
    assert f"{hosts[1].url}: {DAMAGED}\n  {hosts[2].url}: {DAMAGED}\n" in str(error.value)
    assert list((tmp_path / "data" / "lfw_home").iterdir()) == []


@pytest.mark.parametrize("length", [True, False])
def test_download__shows_progress_in_bytes_of_so_many_if_the_host_says_how_many(length, hosts, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    hosts[0].answer(length=length)
    fetch()
    said = f"Downloading lfw-funneled.tgz: {len(hosts[0].body):,} B{' (100%)' if length else ''}\n"
    assert said in capsys.readouterr().err


def test_download__follows_a_redirect_to_another_host(hosts):
    hosts[0].answer(status=302, body=b"", headers={"Location": f"{hosts[2].url}/store/1"})
    assert fetch().source == "lfw"
    assert (hosts[1].asked, hosts[2].asked) == ([], ["/store/1"])


def test_download__takes_the_bytes_as_sent_where_a_server_calls_gzip_an_encoding(hosts):
    hosts[0].answer(headers={"Content-Encoding": "x-gzip"})
    assert fetch().source == "lfw"
    assert hosts[1].asked == []


def test_download__of_two_at_once_the_first_to_finish_counts(hosts, tmp_path):
    def other_process():
        home = tmp_path / "data" / "lfw_home"
        with tarfile.open(fileobj=io.BytesIO(hosts[0].body)) as tar:
            tar.extractall(home, filter="data")

    hosts[0].answer(meanwhile=other_process)
    assert fetch().source == "lfw"


def test_mirror__goes_first_and_the_environments_before_that_of_params(hosts, monkeypatch):
    first, second, _ = hosts
    monkeypatch.setattr(lfw_archive, "ADDRESSES", [])
    first.answer(status=404)
    assert fetch(mirror=f"{first.url}/data/").fallback_reason.endswith("(the mirror: HTTP 404)")
    assert first.asked == ["/data/lfw-funneled.tgz"]
    monkeypatch.setenv(lfw_archive.MIRROR, second.url)
    assert fetch(mirror=first.url).source == "lfw"
    assert (len(first.asked), second.asked) == (1, ["/lfw-funneled.tgz"])


def test_mirror__that_fails_is_followed_by_the_public_addresses(hosts):
    refusing, url = port_nobody_serves(silent=False)
    with refusing:
        assert fetch(mirror=url).source == "lfw"


def test_mirror__login_is_used_and_never_shown(hosts, monkeypatch, capsys):
    hosts[0].answer(login="ada:s3cret")
    monkeypatch.setenv(lfw_archive.MIRROR, f"http://ada:wrong-s3cret@{hosts[0].address}")
    monkeypatch.setattr(lfw_archive, "ADDRESSES", [])
    with pytest.raises(UnreachableError) as error:
        fetch(fallback="none")
    assert f"http://{hosts[0].address}/lfw-funneled.tgz: HTTP 401" in str(error.value)
    monkeypatch.setenv(lfw_archive.MIRROR, f"http://ada:s3cret@{hosts[0].address}")
    assert fetch().source == "lfw"
    shown = "".join((*capsys.readouterr(), str(error.value), error.value.reason))
    assert "ada" not in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize("address", ["ada:s3cret@host/lfw", "ftp://ada:s3cret@host", "http://", "/srv/lfw"])
def test_mirror__that_is_no_address_is_an_error_without_the_login(address, hosts, monkeypatch):
    monkeypatch.setenv(lfw_archive.MIRROR, address)
    with pytest.raises(UserError, match="SPARSEFACES_LFW_MIRROR is .*; it must be an address, http") as error:
        fetch()
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("address", ["http://ada:s3cret@host", "ftp://host/lfw", "host/lfw", "http://host/?a=1", 80])
def test_mirror__in_params_is_an_address_without_a_login(address):
    values = PARAMS.model_dump(by_alias=True)
    values["machine"]["lfw_mirror"] = address
    with pytest.raises(UserError, match="lfw_mirror is .*: .* should .* with a login goes") as error:
        parse_params(values)
    assert "s3cret" not in str(error.value)
    values["machine"]["lfw_mirror"] = "https://example.org/data"
    assert parse_params(values).machine.lfw_mirror == "https://example.org/data"


def test_addresses__are_scikit_learns_then_the_same_file_elsewhere():
    published = sklearn_lfw.FUNNELED_ARCHIVE
    assert (published.filename, published.checksum) == (lfw_archive.ARCHIVE, lfw_archive.SHA256)
    first, second, third = (address.url for address in lfw_archive.ADDRESSES)
    assert first == published.url
    assert second.rpartition("/")[2] == first.rpartition("/")[2]
    assert third == "http://vis-www.cs.umass.edu/lfw/lfw-funneled.tgz"


def test_download__disk_that_is_full_is_an_error_that_names_the_folder_and_leaves_nothing(hosts, tmp_path):
    home = tmp_path / "data" / "lfw_home"
    said = re.escape(f"LFW cannot be put into {home} (File too large): make room there")
    with small_files(), pytest.raises(UserError, match=said):
        fetch()
    assert list(home.iterdir()) == []
