"""Indexes of packages on loopback: a proxy that answers for every host, so that pip and uv ask as they always do."""

import os
import re
import ssl
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import trustme


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
