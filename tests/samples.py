"""What several files of tests begin with."""

import numpy as np
import pytest
from projects import PARAMS

from sparsefaces.base.params import ModelParams, TrainParams
from sparsefaces.standardize.standardize import measure_scaling
from sparsefaces.tracking.description import Description
from sparsefaces.training.products import LIBRARIES, onednn_works

needs_onednn = pytest.mark.skipif(not onednn_works(), reason="this torch has no oneDNN for this processor")
EACH_LIBRARY = [pytest.param(name, marks=needs_onednn if name == "onednn" else ()) for name in LIBRARIES]

DESCRIPTION = Description(
    stage="train_dense",
    params={"lambda": 0.0, "seed": 3},
    tags={"stage": "train_dense", "data.sha256": "d" * 64, "content.key": "k"},
    note="**note**",
    inputs={"orl": "d" * 64},
    diff="+ a line",
)


def standardized(faces, trains=None):
    trains = np.ones(len(faces), bool) if trains is None else trains
    return measure_scaling(faces, trains).standardize(faces)


def params(**changes):
    values = {
        "seed": 0,
        "hidden_units": 8,
        "iterations": 31,
        "batch_size": 10,
        "learning_rate": 0.01,
        "learning_rate_schedule": "constant",
        "epsilon_per_lambda": 0.01,
        "eta_per_lambda": 1.0,
        "log_every": 10,
    }
    return TrainParams(**(values | changes))


def model_params(lambd=1.0, **changes):
    """A model's section of params.yaml."""
    return ModelParams.model_validate({"lambda": lambd} | changes)


def in_experiment(root, monkeypatch):
    """Go into a copy of a project, as DVC makes them for experiments."""
    copy = root / ".dvc/tmp/exps/tmp1"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(root))


def claim(name, verdict):
    return {
        "claim": name,
        "measure": "effective area",
        "dense": 0.3,
        "sparse": 0.2,
        "difference": -0.1,
        "interval": [-0.12, -0.08],
        "null": None,
        "verdict": verdict,
    }


def with_lines(folder, spellings):
    """The tests' params.yaml with some values spelt otherwise."""
    lines, section = PARAMS.read_text().splitlines(), ""
    for n, line in enumerate(lines):
        name = line.strip().partition(":")[0]
        section = section if line.startswith(" ") else name
        if f"{section}.{name}" in spellings:
            lines[n] = f"  {name}: {spellings[f'{section}.{name}']}"
    path = folder / "params.yaml"
    path.write_text("\n".join(lines))
    return path
