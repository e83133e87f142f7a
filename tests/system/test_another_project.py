"""A project by docs/make-it-yours.md: three models, another name, a metric, an activation, a constraint."""

import json
import re
import shutil

import mlflow
import numpy as np
import pytest
from guide import blocks, type_in
from projects import make_project
from safetensors import safe_open
from samples import PARAMS

from sparsefaces.training.model_file import load_model

MODELS = ["plain", "sparse", "topk"]
LABELS = {"plain": "lambda 0", "sparse": "jump, threshold 0.5, lambda 1", "topk": "top-k 4"}


@pytest.fixture(scope="module")
def another(empty_store, tmp_path_factory):
    """A project made from nothing after the guide's edits; tests read it and leave it as it is."""
    project = make_project(tmp_path_factory.mktemp("another") / "project")
    root, library = project.folder, project.folder / "src/sparsefaces"

    section, stage, deps, of_analyze = blocks("A further model")
    type_in(root / "params.yaml", ("\nanalyze:\n", f"\n{section.replace('k: 40', 'k: 4')}\nanalyze:\n"))
    type_in(
        root / "dvc.yaml",
        ("\n  analyze:\n", f"\n{stage}\n  analyze:\n"),
        ("/train_sparse/metrics.json\n    params:\n", f"/train_sparse/metrics.json\n{deps}    params:\n"),
        ("      - train_sparse\n      - analyze\n", f"      - train_sparse\n{of_analyze}      - analyze\n"),
    )

    (metric,) = blocks("A metric")
    type_in(library / "metrics/table.py", ("})\n# fmt: on", f"{metric}}})\n# fmt: on"))

    function, field, keys = blocks("An activation")
    (registry,) = re.findall(r"^ACTIVATIONS: .*\n", (library / "training/activations.py").read_text(), re.MULTILINE)
    type_in(library / "training/activations.py", (registry, function))
    type_in(library / "base/params.py", ('null."""\n\n    @property', f'null."""\n{field}\n    @property'))
    type_in(root / "params.yaml", ("lambda: 1.0\n  activation: relu\n", f"lambda: 1.0\n{keys}"))

    (constraint,) = blocks("A term or a constraint")
    end = "fused=True, **ADAM)\n"
    type_in(library / "training/engine.py", (end, end + constraint))

    (rename,) = blocks("Another task")
    (root / "tests").mkdir()
    shutil.copy(PARAMS, root / "tests")
    project.run("sh", "-ec", rename)

    type_in(root / "params.yaml", ("holdout: 0.0", "holdout: 0.25"))
    shutil.copy(empty_store, root)
    project.output = project.run("dvc", "repro")
    return project


def test_models__any_number_are_compared_with_the_first(another):
    metrics = json.loads(another.path("analyze/metrics.json").read_text())
    assert [*metrics] == MODELS
    claims = json.loads(another.path("analyze/claims.json").read_text())
    compared = [next((name for name in MODELS[1:] if name in claim), None) for claim in claims["claims"]]
    half = len(compared) // 2
    assert compared == ["sparse"] * half + ["topk"] * half
    assert {"plain"} < set(claims["claims"][-1])
    assert [row["method"] for row in claims["methods"]][:3] == MODELS
    page = another.path("analyze/report.html").read_text(encoding="utf-8")
    has = [f"{name} had {label}" for name, label in LABELS.items()]
    assert f"{', '.join(has[:2])} and {has[2]}." in page
    assert "dense" not in page.partition("<script")[0]
    printed = [line.split() for line in another.output.splitlines()]
    table = printed[printed.index(MODELS) + 1 :]
    areas = [f"{metrics[name]['effective_area']:.1%}" for name in MODELS]
    assert areas in [row[-3:] for row in table]


def test_models__have_a_run_and_an_alias_each(another):
    runs = {run.data.tags["stage"]: run for run in another.runs()}
    assert set(runs) == {"analyze", *(f"train_{name}" for name in MODELS)}
    for name, label in LABELS.items():
        run = runs[f"train_{name}"]
        assert run.info.run_name == f"train_{name}, {label}"
        version = another.client.get_model_version_by_alias("sparsefaces", name)
        assert version.run_id == run.info.run_id
        assert runs["analyze"].data.tags[f"model.{name}.sha256"] == run.data.tags["model.sha256"]
    assert runs["train_topk"].data.params["k"] == runs["analyze"].data.params["topk.k"] == "4"
    assert runs["train_sparse"].data.params["threshold"] == "0.5"


def test_metric__of_the_guide_is_measured_by_trainings_and_comparison_and_shown(another):
    metrics = json.loads(another.path("analyze/metrics.json").read_text())
    X, train_mask = (np.load(another.path(f"standardize/{name}.npy")) for name in ("X", "split"))
    peaks = load_model(another.path("train_plain/model.safetensors")).encode(X[train_mask]).max(axis=1)
    assert metrics["plain"]["peak"] == pytest.approx(peaks.mean(), rel=1e-4)
    methods = {row["method"]: row for row in json.loads(another.path("analyze/claims.json").read_text())["methods"]}
    assert methods["PCA"]["peak"] > 0
    assert "Largest activation of a face" in another.path("analyze/report.html").read_text(encoding="utf-8")
    (run,) = another.runs("tags.stage = 'train_plain'")
    assert run.data.metrics["final/peak"] == pytest.approx(metrics["plain"]["peak"])


def test_activation__of_the_guide_is_trained_compared_and_served(another):
    with safe_open(another.path("train_sparse/model.safetensors"), "numpy") as file:
        V, b = file.get_tensor("V"), file.get_tensor("b")
        assert file.metadata()["activation"] == '{"name": "jump", "threshold": 0.5}'
    Z = np.maximum(np.load(another.path("standardize/X.npy")) @ V + b, 0)
    expected = np.where(Z > 0.5, Z, 0)
    assert 0 < np.count_nonzero(expected) < np.count_nonzero(Z)
    mlflow.set_tracking_uri(f"sqlite:///{another.folder / 'mlflow.db'}")
    served = mlflow.pyfunc.load_model("models:/sparsefaces@sparse")
    codes = served.predict(np.load(another.path("fetch/faces.npy")), params={"output": "codes"})
    np.testing.assert_allclose(codes, expected, atol=1e-4)


def test_constraint__of_the_guide_holds_for_each_filter_of_each_model(another):
    for name in MODELS:
        filters = load_model(another.path(f"train_{name}/model.safetensors")).filters
        np.testing.assert_allclose(np.linalg.norm(filters, axis=1), 1, rtol=1e-5)


def test_repro__measures_people_held_out_beside_the_others(another):
    assert "100 of them are held out" in another.output
    assert "again" not in another.output  # the models have not seen them: none is trained again to judge compression
    X, train_mask = (np.load(another.path(f"standardize/{name}.npy")) for name in ("X", "split"))
    people = np.load(another.path("fetch/people.npy"))
    assert (len(X), train_mask.sum(), len(set(people[~train_mask]))) == (400, 300, 10)
    metrics = json.loads(another.path("train_plain/metrics.json").read_text())
    model, unseen = load_model(another.path("train_plain/model.safetensors")), X[~train_mask]
    rec = np.square(model.decode(model.encode(unseen)) - unseen).sum(axis=1).mean()
    (run,) = another.runs("tags.stage = 'train_plain'")
    assert run.data.metrics["final/held_out/rec"] == metrics["held_out"]["rec"] == pytest.approx(rec, rel=1e-4)
