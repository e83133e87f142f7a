"""The same kernels on every processor with AVX2, in every process that computes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_info

SRC = Path(__file__).parents[2] / "src"
CPU = Path("/proc/cpuinfo")
pytestmark = pytest.mark.skipif(
    not CPU.exists() or "avx2" not in CPU.read_text().split(), reason="this processor has no AVX2 that Linux tells of"
)
VARIABLES = ("OPENBLAS_CORETYPE", "MKL_CBWR", "OPENBLAS_L2_SIZE")


def kernels():
    """Name what OpenBLAS takes in this process, once NumPy and SciPy are loaded."""
    import scipy.linalg  # noqa: F401

    return {one["architecture"] for one in threadpool_info() if one["internal_api"] == "openblas"}


@pytest.mark.parametrize("script", ["analyze", "standardize"])
def test_script__takes_avx2s_kernels_unless_the_user_says_otherwise(script):
    code = f"import runpy; runpy.run_path('{SRC}/{script}.py'); import os; from test_processors import kernels"
    code += "; print(kernels(), os.environ['MKL_CBWR'])"
    path = os.pathsep.join([str(SRC), str(Path(__file__).parent)])
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES} | {"PYTHONPATH": path}

    def run(**more):
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=env | more).stdout.strip()

    assert run() == "{'Haswell'} AVX2,STRICT"
    if script == "standardize":
        assert run(OPENBLAS_CORETYPE="SkylakeX", MKL_CBWR="COMPATIBLE").endswith("COMPATIBLE")


def test_parallel__processes_of_joblib_take_them_too(monkeypatch):
    import sparsefaces  # noqa: F401 - which sets the variables, if the user has not

    monkeypatch.setenv("OPENBLAS_CORETYPE", os.environ["OPENBLAS_CORETYPE"])
    assert Parallel(2)(delayed(kernels)() for _ in range(2)) == [{"Haswell"}] * 2
    get_reusable_executor().shutdown(kill_workers=True)
