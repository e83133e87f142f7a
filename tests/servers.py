"""Real servers for the tests of tracking: MLflow's, and a way to it that can be closed."""

import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from gates import DEADLINE, GATE, Started, wait_until
from mlflow import MlflowClient
from mlflow.entities import Run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, process: Started) -> None:
    """Wait until an address answers."""

    def answers() -> bool:
        with suppress(requests.RequestException):
            return requests.get(url, timeout=DEADLINE).ok
        return False

    wait_until(answers, process)


class Server:
    """`mlflow server` on one port and one database, whatever happens to its processes."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "server.db"
        self._folder, self._port = folder, free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.url, self.url)

    def start(self) -> "Server":
        command = [str(Path(sys.executable).with_name("mlflow")), "server", "--host", "127.0.0.1"]
        command += ["--workers", "1", "--port", str(self._port), "--backend-store-uri", f"sqlite:///{self.database}"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        env = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
        env |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONPATH": GATE}
        self._process = Started(command, self._folder, env)
        wait_for(f"{self.url}/health", self._process)
        return self

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE)

    def run_of(self, seed: int) -> Run:
        """Find the one run of the sparse training with a seed."""
        condition = f"tags.stage = 'train_sparse' and params.seed = '{seed}'"
        (run,) = self.client.search_runs(["1"], condition)
        return run


class Passing(BaseHTTPRequestHandler):
    """Passes on what a server is asked, and its answer."""

    way: "Way"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "PUT" and len(body) > self.way.largest:
            self.send_response(413)
            self.end_headers()
            return
        headers = {name: value for name, value in self.headers.items() if name not in ("Host", "Content-Length")}
        answer = requests.request(self.command, self.way.to + self.path, data=body, headers=headers, timeout=DEADLINE)
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        pass


class Way:
    """A way to a server; closed, its address refuses, as that of a server that was killed, and opens in no time.

    Attributes:
        largest: The bytes above which it takes no file.
    """

    def __init__(self, to: str) -> None:
        self.to, self.largest, self._port = to, sys.maxsize, free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", self._port), type("OfWay", (Passing,), {"way": self}))
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
