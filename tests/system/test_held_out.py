"""People held out, through the whole pipeline."""

import json

import numpy as np
import pytest
from samples import model_params, params

from sparsefaces.base.words import FACES, PEOPLE
from sparsefaces.training.evaluate import evaluate
from sparsefaces.training.model_file import load_model


def test_repro__reports_people_held_out_beside_the_others(copied):
    copied.set_params({"standardize": {"holdout": 0.25}})
    output = copied.run("dvc", "repro")
    assert "100 of them are held out" in output
    X = np.load(copied.path("standardize/X.npy"))
    trains = np.load(copied.path("standardize/split.npy"))
    people = np.load(copied.path("fetch/people.npy"))
    assert (X.shape[0], trains.sum(), len(set(people[~trains]))) == (400, 300, 10)
    for stage, lambd in (("train_dense", 0.0), ("train_sparse", 1.0)):
        metrics = json.loads(copied.path(f"{stage}/metrics.json").read_text())
        model = load_model(copied.path(f"{stage}/model.safetensors"))
        terms = params().coefficients(model_params(lambd))
        held_out = metrics.pop("held_out")
        assert metrics == pytest.approx(evaluate(X[trains], model, terms))
        assert held_out == pytest.approx(evaluate(X[~trains], model, terms))
        newest = copied.runs(f"tags.stage = '{stage}'")[0]
        assert newest.data.metrics["final/rec"] == pytest.approx(metrics["rec"])
        assert newest.data.metrics["final/held_out/rec"] == pytest.approx(held_out["rec"])
        assert newest.data.params["data.held_out"] == "100"
    assert "dense.held_out.rec" in copied.run("dvc", "metrics", "diff")
    # Its models have not seen them: nothing is trained again to judge compression.
    assert "again" not in output
    assert (
        f"Fitted on 300 {FACES}, judged on 100 of 10 other {PEOPLE}" in copied.path("analyze/claims.json").read_text()
    )
    assert f"Explained variance, on {FACES} held out" in copied.path("analyze/report.html").read_text()
