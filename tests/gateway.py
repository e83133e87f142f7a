"""A gateway before a real server, as teams have one: it may ask for a login, speak TLS, or be out of order."""

import http.server
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import requests
from gates import DEADLINE


class Gateway:
    """Forwards what it lets through to a server.

    Attributes:
        url: Its address.
        refuse: Returns the status that a request is refused with, or None to forward it.
        refused: The paths that were refused.
    """

    def __init__(self, server: str, certificate: Path | None = None) -> None:
        """Start it before the server at this address; with a certificate and its key in one file, it speaks TLS."""
        gateway = self
        self.refuse: Callable[[http.server.BaseHTTPRequestHandler], int | None] = lambda request: None
        self.refused: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) + b"".join(chunks(self))
                if status := gateway.refuse(self):
                    gateway.refused.append(self.path)
                    self.send_error(status)
                    return
                headers = {"Content-Type": self.headers.get("Content-Type", "")}
                url = server + self.path
                answer = requests.request(self.command, url, data=body, headers=headers, timeout=DEADLINE)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PUT = do_PATCH = forward  # noqa: N815 - the names that the server asks for

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def chunks(request):
    """Read a body that comes in chunks."""
    while request.headers.get("Transfer-Encoding") == "chunked" and (size := int(request.rfile.readline(), 16)):
        yield request.rfile.read(size)
        request.rfile.readline()
