"""LFW in small, and hosts of its archive on this machine, which can misbehave."""

import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading

import numpy as np
import samples
import yaml
from gates import DEADLINE
from PIL import Image
from projects import ROOT

from sparsefaces.base.params import parse_params
from sparsefaces.fetch.sources import fetch_faces

VALUES = yaml.safe_load(samples.PARAMS.read_text())
VALUES["fetch"] |= {"source": "lfw", "resize": 0.3}
PARAMS = parse_params(VALUES)
# What figshare's web front says to scripts.
CHALLENGE = {"status": 202, "body": b"", "headers": {"x-amzn-waf-action": "challenge"}}
PAGE = b"\n<!DOCTYPE html><title>Welcome to the hotel</title>"

# Root may write anywhere: without this one right, the bits of a folder count for it, too.
AS_ANYONE = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []

# `python src/fetch.py`, with the small LFW and these hosts in the place of the public ones.
FETCH = """
import json, runpy, sys
from sparsefaces.fetch.sources import download, lfw, lfw_archive
settings = json.loads(sys.argv[1])
lfw.IMAGES, lfw.PEOPLE, lfw_archive.SHA256 = settings["images"], settings["people"], settings["sha256"]
lfw_archive.ADDRESSES = [download.Address(*pair) for pair in settings["addresses"]]
runpy.run_path("src/fetch.py", run_name="__main__")
"""


class Host:
    """A host of the archive. Its attributes are what it answers: change them."""

    def __init__(self, archive):
        self.body, self.status, self.headers = archive, 200, {}
        self.sent = None  # how many bytes it sends before it breaks off; None for all
        self.length = True  # whether it says how many there are
        self.login = None  # the user name and password that it asks for
        self.meanwhile = lambda: None  # what happens elsewhere before it answers
        self.asked = []  # the paths that were asked for
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked.append(self.path)
                host.meanwhile()
                self.send_response(host.status if host.knows(self.headers.get("Authorization")) else 401)
                if host.length:
                    self.send_header("Content-Length", str(len(host.body)))
                for name, value in host.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(host.body[: host.sent])

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.address}"

    def knows(self, authorization):
        return self.login is None or authorization == "Basic " + base64.b64encode(self.login.encode()).decode()

    def answer(self, **answers):
        for name, value in answers.items():
            setattr(self, name, value)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def port_nobody_serves(*, silent):
    """Open a port that takes connections and never answers, or one that refuses them; close it afterwards."""
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    if silent:
        opened.listen()
    return opened, f"http://127.0.0.1:{opened.getsockname()[1]}"


def small_archive():
    """Make LFW's archive in small: five images of two people, 250 x 250."""
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
    return archive.getvalue()


def fetch(*, mirror=None, timeout=60, **changes):
    """Fetch in this process, with some of the parameters changed."""
    machine = PARAMS.machine.model_copy(update={"lfw_mirror": mirror, "download_timeout": timeout})
    return fetch_faces(PARAMS.fetch.model_copy(update=changes), machine)


def run_fetch(folder, hosts, archive):
    """Run stage fetch of LFW in a folder that becomes a project's, in a process that may write what anyone may."""
    (folder / "src").mkdir(parents=True)
    shutil.copy(ROOT / "src" / "fetch.py", folder / "src")
    (folder / "params.yaml").write_text(yaml.safe_dump(VALUES))
    settings = {"images": 5, "people": 2, "sha256": hashlib.sha256(archive).hexdigest()}
    settings["addresses"] = [(f"host {number}", host.url) for number, host in enumerate(hosts, start=1)]
    command = [*AS_ANYONE, sys.executable, "-B", "-c", FETCH, json.dumps(settings)]
    how = {"env": os.environ | {"PYTHONPATH": str(ROOT / "src")}, "capture_output": True, "text": True}
    return subprocess.run(command, cwd=folder, timeout=DEADLINE, check=False, **how)
