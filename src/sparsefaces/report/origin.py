"""What the report says of its origin: parameters, and the contents that it was made from."""

from typing import Any

from sparsefaces.base.files import STAGES, sha256
from sparsefaces.base.params import Params, Section
from sparsefaces.standardize.dataset import STANDARDIZE


def settings(params: Params) -> dict[str, dict[str, Any]]:
    """List the parameters that decide the comparison, by section; those of fetch stand in provenance.json."""
    sections = {"train": params.train, **params.models}
    return {name: _values(section) for name, section in {**sections, "analyze": params.analyze}.items()}


def hashes(params: Params) -> dict[str, str]:
    """Hash what the trainings read, and both models.

    Returns:
        SHA-256 by file.
    """
    models = [STAGES / stage / "model.safetensors" for stage in params.models]
    return {path.as_posix(): sha256(path) for path in (STANDARDIZE / "X.npy", *models)}


def _values(section: Section) -> dict[str, Any]:
    return {field.alias or name: getattr(section, name) for name, field in type(section).model_fields.items()}
