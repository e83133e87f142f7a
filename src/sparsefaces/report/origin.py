"""What the report says of its origin: parameters, versions, and the contents that it was made from."""

from importlib.metadata import version
from typing import Any

from sparsefaces.base.cache import ANALYSIS_CODE, fingerprint_code
from sparsefaces.base.files import STAGES, sha256
from sparsefaces.base.params import Params
from sparsefaces.standardize.dataset import STANDARDIZE

# What computes the numbers and draws the pictures.
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "matplotlib", "pillow")


def settings(params: Params) -> dict[str, dict[str, Any]]:
    """List the parameters that decide the comparison, by section, and packages' versions, without their builds."""
    named = {"fetch": params.fetch, "standardize": params.standardize, "train": params.train, **params.models}
    shown = {name: of.model_dump(by_alias=True) for name, of in {**named, "analyze": params.analyze}.items()}
    return shown | {"versions": {name: version(name).partition("+")[0] for name in PACKAGES}}


def hashes(params: Params) -> dict[str, str]:
    """Hash the code, what the trainings read, and the models.

    Returns:
        SHA-256 by file.
    """
    models = [STAGES / stage / "model.safetensors" for stage in params.models]
    files = {path.as_posix(): sha256(path) for path in (STANDARDIZE / "X.npy", *models)}
    return {"src/sparsefaces, what trains and compares": fingerprint_code(*ANALYSIS_CODE, packages=()), **files}
