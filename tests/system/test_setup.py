"""`make setup`: which packages it takes from where, and where it cannot work.

It finds indexes of packages on loopback: a proxy answers for every host, so that pip and uv ask as they always do.
"""

import os
import re
import shutil
import ssl
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
import trustme
from projects import ROOT, Project

BUILD = ("editables", "hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder by TLS, whatever host is asked for; a listing of files is an index's page."""

    def do_CONNECT(self) -> None:
        host = self.path.partition(":")[0]
        if any(part in host for part in self.server.away):
            self.send_error(503)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.authority.issue_cert(host).configure_cert(context)
        with context.wrap_socket(self.connection, server_side=True) as connection:
            self.rfile, self.wfile = connection.makefile("rb"), connection.makefile("wb")
            self.handle_one_request()

    def log_message(self, *_) -> None:
        """Say nothing: the test's output is that of its command."""


class Indexes(ThreadingHTTPServer):
    """What a proxy makes of one folder: `simple` for the package index, `whl/cpu` for PyTorch's of CPU builds."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "indexes"
        self.away: tuple[str, ...] = ()  # parts of hosts that cannot be reached
        self.authority = trustme.CA()
        self._certificate = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(self._certificate)
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=self.folder))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def env_of(self, env: dict[str, str]) -> dict[str, str]:
        """Take the machine's own settings from an environment, and let it know no other network than this."""
        kept = {k: v for k, v in env.items() if not k.startswith(("PIP_", "UV_")) and not k.lower().endswith("_proxy")}
        trust = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(self._certificate))
        caches = {"PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1", "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
        return kept | trust | caches | {"HTTPS_PROXY": f"http://127.0.0.1:{self.server_port}"}

    def add(self, index: str, name: str, version: str) -> None:
        """Add a package with nothing in it."""
        info = f"{name}-{version}.dist-info"
        with self._wheel(index, name, version, "py3-none-any") as wheel:
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")

    def add_installed(self, name: str) -> str:
        """Add a package as it is installed here, and return its line of a lock."""
        package = distribution(name)
        tag = re.search(r"^Tag: (.+)$", package.read_text("WHEEL"), re.MULTILINE)[1]
        with self._wheel("simple", name, package.version, tag) as wheel:
            for file in package.files:
                if file.parts[0] != ".." and file.suffix != ".pyc":
                    wheel.write(file.locate(), file)
                elif file.name == name == "uv":  # the program; other commands are made of entry points
                    wheel.write(file.locate(), f"uv-{package.version}.data/scripts/uv")
        return f"{name}=={package.version}\n"

    def _wheel(self, index: str, name: str, version: str, tag: str) -> ZipFile:
        folder = self.folder / index / name
        folder.mkdir(parents=True)
        return ZipFile(folder / f"{name.replace('-', '_')}-{version}-{tag}.whl", "w")


@pytest.fixture
def checkout(tmp_path):
    """What `make setup` reads of a clone."""
    checkout = Project(tmp_path / "mes visages, été")
    shutil.copytree(ROOT / "tools", checkout.folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout.folder / "src/sparsefaces").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE", "src/sparsefaces/__init__.py"):
        shutil.copy(ROOT / name, checkout.folder / name)
    return checkout


@pytest.fixture
def indexes(tmp_path, checkout):
    """Indexes of packages, and a lock of those: the two torches differ, as they do in the world."""
    with Indexes(tmp_path) as indexes:
        lock = "".join(map(indexes.add_installed, (*BUILD, "uv")))
        indexes.add("simple", "torch", "2.13.0")
        indexes.add("whl/cpu", "torch", "2.13.0+cpu")
        (checkout.folder / "requirements.lock").write_text(lock + "torch==2.13.0\n")
        yield indexes
        indexes.shutdown()


def set_up(checkout, indexes, driver=False, **env):
    """Run `make setup`, with NVIDIA's driver or without; return its output, torch's version and what installed it."""
    programs = checkout.folder.parent / "programs"
    programs.mkdir()
    (programs / "nvidia-smi").write_text(f"#!/bin/sh\nexit {0 if driver else 9}\n")
    (programs / "nvidia-smi").chmod(0o755)
    checkout.env = indexes.env_of(checkout.env) | {"PATH": f"{programs}:{os.environ['PATH']}"}
    output = checkout.run("make", f"PYTHON={sys.executable}", "setup", **env)
    (torch,) = checkout.folder.glob(".venv/lib/python*/site-packages/torch-*.dist-info")
    code = "import sparsefaces; print(sparsefaces.__file__)"
    assert str(checkout.folder) in checkout.run(".venv/bin/python", "-c", code)
    return output, torch.stem.removeprefix("torch-"), (torch / "INSTALLER").read_text().strip()


@pytest.mark.parametrize(("driver", "version"), [(False, "2.13.0+cpu"), (True, "2.13.0")])
def test_setup__takes_torch_for_the_cpu_unless_there_is_a_driver(driver, version, checkout, indexes):
    output, *torch = set_up(checkout, indexes, driver)
    assert torch == [version, "uv"]
    assert "pip installs" not in output


@pytest.mark.parametrize(
    ("away", "env", "reason"),
    [
        ("torch", {}, "uv cannot reach the package index, or that of torch for cpu"),
        ("uv", {}, "uv cannot be downloaded"),
        ("torch", {"PIP_EXTRA_INDEX_URL": "https://ours.example.org/simple"}, "uv does not read pip's settings"),
    ],
)
def test_setup__where_uv_cannot_pip_installs_and_one_line_says_so(away, env, reason, checkout, indexes):
    if away == "uv":
        shutil.rmtree(indexes.folder / "simple/uv")
    else:
        indexes.away = (away,)
    output, *torch = set_up(checkout, indexes, **env)
    assert torch == ["2.13.0", "pip"]
    (line,) = [line for line in output.splitlines() if line.startswith("make: ")]
    assert line.startswith("make: pip installs") and reason in line


def test_setup__missing_or_old_python_is_named(tmp_path, checkout):
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")  # as it would say to a question for its version
    old.chmod(0o755)
    for python in ("python-that-is-missing", str(old)):
        output = checkout.run("make", f"PYTHON={python}", "setup", code=2, PATH=os.environ["PATH"])
        assert f"{python} is missing or older than Python 3.11" in output
        assert not (checkout.folder / ".venv").exists()
