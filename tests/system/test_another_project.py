"""Another kind of code on images of something else, by docs/make-it-yours.md, with people held out."""

import json
import re
import textwrap

import mlflow
import numpy as np
import pytest
from projects import ROOT, make_project
from safetensors import safe_open
from samples import model_params, params

from sparsefaces.training.evaluate import evaluate
from sparsefaces.training.model_file import load_model


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    """A project made from nothing after the guide's edits; tests read it and leave it as it is."""
    project = make_project(tmp_path_factory.mktemp("another") / "project")
    guide = (ROOT / "docs/make-it-yours.md").read_text(encoding="utf-8")
    section = guide.partition("## Another kind of code\n")[2].partition("\n## ")[0]
    code = textwrap.dedent(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1])
    function, _, registry = code.partition("\n\n\n")
    activations = project.folder / "src/sparsefaces/training/activations.py"
    text = re.sub(r"^ACTIVATIONS: .*\n", f"{function}\n\n\n{registry}", activations.read_text(), flags=re.MULTILINE)
    activations.write_text(text)
    named = re.search(r'Literal\["relu", "topk"[^]]*\]', section)[0]
    path = project.folder / "src/sparsefaces/base/params.py"
    path.write_text(path.read_text().replace('Literal["relu", "topk"]', named))
    project.set_params({"train_sparse": {"activation": "jump"}, "standardize": {"holdout": 0.25}})
    words = project.folder / "src/sparsefaces/base/words.py"
    words.write_text('FACE, FACES, PEOPLE = "digit", "digits", "writers"\n')
    project.output = project.run("dvc", "repro")
    return project


def test_activation__of_the_guide_is_trained_compared_and_served(another):
    with safe_open(another.path("train_sparse/model.safetensors"), "numpy") as file:
        V, b = file.get_tensor("V"), file.get_tensor("b")
        assert file.metadata()["activation"] == '{"name": "jump", "k": null}'
    Z = np.maximum(np.load(another.path("standardize/X.npy")) @ V + b, 0)
    expected = np.where(Z > 0.5, Z, 0)
    assert 0 < np.count_nonzero(expected) < np.count_nonzero(Z)
    mlflow.set_tracking_uri(f"sqlite:///{another.folder / 'mlflow.db'}")
    served = mlflow.pyfunc.load_model("models:/sparsefaces@sparse")
    codes = served.predict(np.load(another.path("fetch/faces.npy")), params={"output": "codes"})
    np.testing.assert_allclose(codes, expected, atol=1e-4)
    assert "jump" in another.path("analyze/report.html").read_text(encoding="utf-8")


def test_words__of_the_project_are_said_everywhere_and_no_others(another):
    (run,) = another.runs("tags.stage = 'analyze'")
    report = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", "", another.path("analyze/report.html").read_text("utf-8"))
    claims = another.path("analyze/claims.json").read_text()
    for text in (another.output, report, run.data.tags["mlflow.note.content"], claims):
        assert "digits" in text
        assert set(re.findall(r"\b([Ff]aces?\b(?!\.)|people)", text)) == set(), text
    assert "Fitted on 300 digits, judged on 100 of 10 other writers" in claims
    assert "Explained variance, on digits held out" in report


def test_repro__reports_people_held_out_beside_the_others(another):
    assert "100 of them are held out" in another.output
    assert "again" not in another.output  # the models have not seen them: none is trained again to judge compression
    X = np.load(another.path("standardize/X.npy"))
    trains = np.load(another.path("standardize/split.npy"))
    people = np.load(another.path("fetch/people.npy"))
    assert (X.shape[0], trains.sum(), len(set(people[~trains]))) == (400, 300, 10)
    metrics = json.loads(another.path("train_dense/metrics.json").read_text())
    model = load_model(another.path("train_dense/model.safetensors"))
    terms = params().coefficients(model_params(0.0))
    held_out = metrics.pop("held_out")
    assert metrics == pytest.approx(evaluate(X[trains], model, terms))
    assert held_out == pytest.approx(evaluate(X[~trains], model, terms))
    for stage in ("train_dense", "train_sparse"):
        metrics = json.loads(another.path(f"{stage}/metrics.json").read_text())
        (run,) = another.runs(f"tags.stage = '{stage}'")
        assert run.data.metrics["final/rec"] == pytest.approx(metrics["rec"])
        assert run.data.metrics["final/held_out/rec"] == pytest.approx(metrics["held_out"]["rec"])
        assert run.data.params["data.held_out"] == "100"
    assert "dense.held_out.rec" in another.run("dvc", "metrics", "diff")
