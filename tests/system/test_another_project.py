"""Another kind of code, by docs/make-it-yours.md, with people held out."""

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
    function, _, registry = textwrap.dedent(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]).partition(
        "\n\n\n"
    )
    path = project.folder / "src/sparsefaces/training/activations.py"
    text = re.sub(r"^ACTIVATIONS: .*\n", f"{function}\n\n\n{registry}", path.read_text(), flags=re.MULTILINE)
    path.write_text(text)
    path = project.folder / "src/sparsefaces/base/params.py"
    named = re.search(r'Literal\["relu", "topk"[^]]*\]', section)[0]
    path.write_text(path.read_text().replace('Literal["relu", "topk"]', named))
    project.set_params({"train_sparse": {"activation": "jump"}, "standardize": {"holdout": 0.25}})
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


def test_repro__measures_people_held_out_beside_the_others(another):
    assert "100 of them are held out" in another.output
    assert "again" not in another.output  # the models have not seen them: none is trained again to judge compression
    X, train_mask = (np.load(another.path(f"standardize/{name}.npy")) for name in ("X", "split"))
    people = np.load(another.path("fetch/people.npy"))
    assert (len(X), train_mask.sum(), len(set(people[~train_mask]))) == (400, 300, 10)
    metrics = json.loads(another.path("train_dense/metrics.json").read_text())
    (run,) = another.runs("tags.stage = 'train_dense'")
    assert run.data.metrics["final/held_out/rec"] == pytest.approx(metrics["held_out"]["rec"])
    model = load_model(another.path("train_dense/model.safetensors"))
    terms = params().coefficients(model_params(0.0))
    held_out = metrics.pop("held_out")
    assert metrics == pytest.approx(evaluate(X[train_mask], model, terms))
    assert held_out == pytest.approx(evaluate(X[~train_mask], model, terms))
    assert "dense.held_out.rec" in another.run("dvc", "metrics", "diff")
