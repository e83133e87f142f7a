"""Another kind of code on images of something else, by docs/make-it-yours.md: trained, compared and served."""

import re
import textwrap

import mlflow
import numpy as np
from projects import ROOT, make_project
from safetensors import safe_open


def test_activation__of_the_guide_is_trained_compared_and_served(tmp_path):
    project = make_project(tmp_path / "project")
    guide = (ROOT / "docs/make-it-yours.md").read_text(encoding="utf-8")
    section = guide.partition("## Another kind of code\n")[2].partition("\n## ")[0]
    function, _, registry = textwrap.dedent(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]).partition(
        "\n\n\n"
    )
    activations = project.folder / "src/sparsefaces/training/activations.py"
    text = re.sub(r"^ACTIVATIONS: .*\n", f"{function}\n\n\n{registry}", activations.read_text(), flags=re.MULTILINE)
    activations.write_text(text)
    named = re.search(r'Literal\["relu", "topk"[^]]*\]', section)[0]
    params = project.folder / "src/sparsefaces/base/params.py"
    params.write_text(params.read_text().replace('Literal["relu", "topk"]', named))
    project.set_params({"train_sparse": {"activation": "jump"}, "standardize": {"holdout": 0.2}})
    words = project.folder / "src/sparsefaces/base/words.py"
    words.write_text('FACE, FACES, PEOPLE = "digit", "digits", "writers"\n')

    said = project.run("dvc", "repro")

    with safe_open(project.path("train_sparse/model.safetensors"), "numpy") as file:
        V, b = file.get_tensor("V"), file.get_tensor("b")
        assert file.metadata()["activation"] == '{"name": "jump", "k": null}'
    Z = np.maximum(np.load(project.path("standardize/X.npy")) @ V + b, 0)
    expected = np.where(Z > 0.5, Z, 0)
    assert 0 < np.count_nonzero(expected) < np.count_nonzero(Z)
    mlflow.set_tracking_uri(f"sqlite:///{project.folder / 'mlflow.db'}")
    served = mlflow.pyfunc.load_model("models:/sparsefaces@sparse")
    codes = served.predict(np.load(project.path("fetch/faces.npy")), params={"output": "codes"})
    np.testing.assert_allclose(codes, expected, atol=1e-4)
    assert "jump" in project.path("analyze/report.html").read_text(encoding="utf-8")
    run = mlflow.search_runs(experiment_names=["sparsefaces"], filter_string="tags.stage = 'analyze'").iloc[0]
    report = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", "", project.path("analyze/report.html").read_text("utf-8"))
    for text in (said, report, run["tags.mlflow.note.content"], project.path("analyze/claims.json").read_text()):
        assert "digits" in text
        assert set(re.findall(r"\b([Ff]aces?\b(?!\.)|people)", text)) == set(), text
