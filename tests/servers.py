"""Real servers for the tests of tracking: MLflow's, which can be killed, stopped and started again."""

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import requests
from gates import DEADLINE, GATE, Started, wait_until
from mlflow import MlflowClient


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, process: Started) -> None:
    """Wait until an address answers."""

    def answers() -> bool:
        try:
            return requests.get(url, timeout=DEADLINE).ok
        except requests.RequestException:
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

    def runs(self, **tags: str) -> list:
        experiment = self.client.get_experiment_by_name("sparsefaces")
        if experiment is None:
            return []
        condition = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        return list(self.client.search_runs([experiment.experiment_id], condition))
