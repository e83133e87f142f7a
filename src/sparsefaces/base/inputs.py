"""What a stage runs on: if it changes meanwhile, DVC would take the result for one of what stands there at the end."""

from pathlib import Path
from typing import Any

from sparsefaces.base.files import sha256
from sparsefaces.base.params import PARAMS_FILE, read_yaml_file

PIPELINE = Path("dvc.yaml")


def inputs_of(stage: str) -> dict[str, Any]:
    """Describe a stage's parameters, code and folder of images, as dvc.yaml names them, by the name of each.

    What other stages leave is not looked at: DVC makes stages one after the other.
    """
    if not PIPELINE.exists():
        return {}
    definition = read_yaml_file(PIPELINE)["stages"].get(stage, {})
    inputs: dict[str, Any] = {str(PARAMS_FILE): _sections(definition.get("params", ()))}
    for dep in definition.get("deps", ()):
        if dep.startswith("src/"):
            inputs[dep] = [(path, sha256(path)) for path in _files(Path(dep))]
        elif dep.startswith("${"):  # fetch.folder: images, which may be large
            folder = _sections(["fetch"])["fetch"]["folder"]
            inputs[folder] = [(path, path.stat().st_size, path.stat().st_mtime_ns) for path in _files(Path(folder))]
    return inputs


def _sections(names: Any) -> dict[str, Any]:  # noqa: ANN401 - of dvc.yaml
    values = read_yaml_file(PARAMS_FILE)
    return {name: values.get(name) for name in names}


def _files(path: Path) -> list[Path]:
    files = path.rglob("*") if path.is_dir() else [path]
    return sorted(file for file in files if file.is_file() and "__pycache__" not in file.parts)
