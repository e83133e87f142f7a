"""Learn faces twice: a dense and a sparse autoencoder, trained, compared and explained.

The names for notebooks are importable from here; they are loaded when first used, so that a stage which
needs neither torch nor matplotlib does not wait for them.
"""

import os
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparsefaces.exercise import load_faces, plot_sparsity, prepare_images, train, view_decoder
    from sparsefaces.standardize.dataset import load_dataset
    from sparsefaces.training.objective import get_objective_terms
    from sparsefaces.training.outputs import load_training

# All are read once, when torch or NumPy is loaded, so they must stand before anything imports these.
# Waiting threads sleep instead of spinning: beside a busy neighbour, spinning costs 5 to 20 times. First they spin
# for some 0.03 ms, which spares a step with two threads a fifth of its time (measured): to wake one up takes 0.05 ms.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
# MKL, in torch, and OpenBLAS, in NumPy and SciPy, have other kernels for each kind of processor, and their sums other
# bits: both are held to those for AVX2, which all recent ones have, so that results agree between machines. STRICT: the
# same bits with one thread or several. Neither costs anything that could be measured on an AMD with AVX2.
_FLAGS = ""
with suppress(OSError):  # Linux alone says it in a file
    _FLAGS = Path("/proc/cpuinfo").read_text(encoding="utf-8")
if "avx2" in _FLAGS.split():
    os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
    os.environ.setdefault("MKL_CBWR", "AVX2,STRICT")
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

__all__ = ["get_objective_terms", "load_faces", "plot_sparsity", "train", "view_decoder"]  # the exercise's
__all__ += ["load_dataset", "load_training", "prepare_images"]  # for what stages left


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562's signature
    if name in __all__:
        return getattr(import_module("sparsefaces.exercise"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
