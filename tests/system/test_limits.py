"""Processes that may not have all that the machine has: memory for the faces, threads that were asked for."""

import os
import subprocess
import sys

import numpy as np
import pytest
from projects import ROOT
from samples import needs_onednn

limited_memory = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux limits a process's own memory apart from its maps"
)


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


@limited_memory
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


LARGE = r"""
import re, resource, sys
import sparsefaces, numpy as np
from samples import PARAMS, model_params, params
from sparsefaces.base.params import load_params
from sparsefaces.training.loop import train_model
allowed = 150 * 2**20  # beyond what Python and its libraries hold, which differs from build to build
held = 1024 * int(re.search(r"VmData:\s*(\d+) kB", open("/proc/self/status").read())[1])
resource.setrlimit(resource.RLIMIT_DATA, (held + allowed, held + allowed))
X = np.load(sys.argv[1], mmap_mode="r")
assert X.nbytes > 2 * allowed
machine = load_params(PARAMS).machine.model_copy(update={"threads": 1, "device": "cpu"})
print(train_model(X, params(learning_rate=1e-4, batch_size=100), model_params(), machine).metrics["rec"])
try:
    np.array(X)
except MemoryError:
    print("does not fit")
"""


@limited_memory
def test_train_model__reads_data_larger_than_its_memory_through_a_map(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=(320_000, 260))
    X[::1000] = np.random.default_rng(0).standard_normal((320, 260))  # the rest is holes, which take no disk
    X.flush()
    code = [sys.executable, "-c", LARGE, str(tmp_path / "X.npy")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    output = subprocess.run(code, env=env, capture_output=True, text=True, check=True).stdout.split("\n")
    assert float(output[0]) > 0
    assert output[1] == "does not fit"


# Each of them lets one thread come where two are asked for.
FEWER_THREADS = {"OMP_THREAD_LIMIT": "1", "OMP_DYNAMIC": "true", "OMP_MAX_ACTIVE_LEVELS": "0"}
MULTIPLIED = """
import sparsefaces, numpy as np, torch
from samples import PARAMS, model_params, params
from sparsefaces import exercise
from sparsefaces.analyze.held_out_models import _train
from sparsefaces.base.params import load_params
from sparsefaces.training import products
from sparsefaces.training.evaluate import evaluate
from sparsefaces.training.loop import train_model
from sparsefaces.training.model import Model

sizes, sparse = params(hidden_units=400, batch_size=100, learning_rate=1e-4), model_params()
machine = load_params(PARAMS).machine.model_copy(update={"threads": "auto", "device": "cpu", "products": "auto"})
X = np.random.default_rng(0).standard_normal((250, 1036)).astype(np.float32)
found = []
for name in ("blas", "onednn"):
    products._is_amd_with_avx512 = lambda: name == "onednn"
    torch.set_num_threads(2)
    weights = exercise.train(X, 1, iterations=11)
    assert torch.get_num_threads() == 2
    rows = evaluate(X, Model(exercise.Weights(*(tensor.numpy() for tensor in weights))), sizes.coefficients(sparse))
    values = [rows["rec"], rows["spa"]]
    torch.set_num_threads(2)
    training = train_model(X, sizes, sparse, machine.model_copy(update={"products": name}))
    values += [training.metrics["rec"], training.history[-1]["rec"]]
    torch.set_num_threads(2)
    values += [float(np.abs(tensor).sum()) for tensor in _train(X, sizes, sparse, name).values()]
    found.append(values)
np.testing.assert_allclose(*found, rtol=1e-3)
"""


@needs_onednn
@pytest.mark.parametrize("variable", FEWER_THREADS)
def test_onednn__is_right_where_fewer_threads_come_than_asked_for(variable):
    """All that multiplies, with two threads asked for."""
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    env |= {variable: FEWER_THREADS[variable], "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", MULTIPLIED], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
