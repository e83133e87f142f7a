"""Skips what looks at the committed results, with one line, where the project has gone on to other ones."""

import json
from functools import cache

import pytest
import yaml
from projects import ROOT

from sparsefaces.base.params import MODEL_FIELDS

# What decides the results: of the other parameters, none does on LFW.
EXERCISE = yaml.safe_load("""
fetch: {source: lfw, crop: null, resize: 0.3}
standardize: {holdout: 0.0}
train: {seed: 1, hidden_units: 400, iterations: 10001, batch_size: 100, learning_rate: 1.0e-4,
        learning_rate_schedule: constant, log_every: 100}
train_dense: {lambda: 0.0, epsilon: null, eta: null, activation: relu}
train_sparse: {lambda: 1.0, epsilon: null, eta: null, activation: relu}
analyze: {most_faces: 20000, faces: 25, filters: 64, filter_scale: own, held_out_people: 0.2}
""")


@cache
def difference() -> str | None:
    """Say what is not the exercise's, parameters or faces; None if all is."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    other = [
        f"{section}.{key} is {values.get(section, {}).get(key)}, not {requested}"
        for section, keys in EXERCISE.items()
        for key, requested in keys.items()
        if values.get(section, {}).get(key, MODEL_FIELDS.get(key)) != requested
    ]
    other += [f"{name} is a further model" for name in values if name.startswith("train_") and name not in EXERCISE]
    if other:
        return f"params.yaml is not the exercise's: {'; '.join(other)}"
    source = json.loads((ROOT / "stages/fetch/provenance.json").read_text(encoding="utf-8"))["source"]
    return None if source == "lfw" else f"the faces are not the exercise's: {source}, not lfw"


@pytest.hookimpl(trylast=True)  # a fixture's skip would be a line for each test
def pytest_runtest_setup() -> None:
    """Skip with what differs."""
    if reason := difference():
        pytest.skip(reason)
