"""Fetch and standardize work in parts: a process that may hold less than the faces leaves what a large one does."""

import subprocess
import sys

import numpy as np
import pytest
from projects import ROOT

LIMITED = """
import re, resource
import numpy as np
from PIL import Image
from sparsefaces.fetch.sources.faces import prepare_all
from sparsefaces.standardize.dataset import load_dataset, save_standardized
from sparsefaces.standardize.standardize import measure_scaling

allowed = 110 * 2**20  # beyond what Python and its libraries hold
held = 1024 * int(re.search(r"VmData:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
resource.setrlimit(resource.RLIMIT_DATA, (held + allowed, held + allowed))
faces = np.load("faces.npy", mmap_mode="r")
trains = np.arange(len(faces)) % 7 > 0
save_standardized(faces, measure_scaling(faces, trains), trains)
data = load_dataset()
assert data.X.nbytes > 2 * allowed
print(data.scale)
count = 40  # of 1000 x 1500 pixels, 6 MB each in float32
images = prepare_all(range(count), lambda row: Image.new("L", (1500, 1000), row % 256), str, None, 1.0)
assert images.nbytes > 2 * allowed
assert all(round(255 * float(images[row].mean())) == row % 256 for row in range(count))
try:
    np.array(data.X)
except MemoryError:
    print("does not fit")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's own memory apart from its maps")
def test_fetch_and_standardize__need_less_memory_than_the_faces(tmp_path):
    shape = (120_000, 25, 20)
    faces = np.lib.format.open_memmap(tmp_path / "faces.npy", mode="w+", dtype=np.float32, shape=shape)
    faces[::1000] = np.random.default_rng(0).random((120, 25, 20), np.float32)  # the rest is holes, which take no disk
    faces.flush()
    env = {"PYTHONPATH": str(ROOT / "src"), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    scale, refused = done.stdout.splitlines()[-2:]
    seen = np.asarray(faces[np.arange(len(faces)) % 7 > 0], np.float64)
    assert float(scale) == pytest.approx((seen - seen.mean(axis=0)).std(), rel=1e-6)
    assert refused == "does not fit"
