"""An edit reruns what it can change, and no more: each room, and the stages that dvc.yaml lets depend on it."""

import json

import pytest
import yaml
from projects import ROOT

from sparsefaces.base.cache import ANALYSIS_CODE, TRAINING_CODE, code_hash
from sparsefaces.base.params import TrainParams

TRAININGS = {"train_dense", "train_sparse"}
STALE = {
    "__init__.py": {"fetch", "standardize", *TRAININGS, "analyze"},
    "base/params.py": {"fetch", "standardize", *TRAININGS, "analyze"},
    "fetch/sources/orl.py": {"fetch"},
    "standardize/split.py": {"standardize", *TRAININGS, "analyze"},
    "measures/code.py": {*TRAININGS, "analyze"},
    "training/engine.py": {*TRAININGS, "analyze"},
    "analyze/claims.py": {"analyze"},
    "report/templates/report.css": {"analyze"},
    "colors.py": {"analyze"},
    "metrics.py": {"analyze"},
    "tracking/runs.py": set(),
    "review/templates/review.md.j2": set(),
    "exercise.py": set(),
}


@pytest.mark.parametrize("file", STALE)
def test_room__edited_makes_exactly_these_stages_stale(copied, file):
    path = copied.folder / "src/sparsefaces" / file
    path.write_text(path.read_text() + "\n# a comment\n")
    assert set(json.loads(copied.run("dvc", "status", "--json"))) == STALE[file]


def test_room__every_one_has_its_line_here():
    rooms = {path.name for path in (ROOT / "src/sparsefaces").iterdir() if (path / "__init__.py").exists()}
    assert rooms == {file.partition("/")[0] for file in STALE if "/" in file}


def test_fetch__made_again_to_the_same_bytes_reruns_nothing_after_it(copied):
    path = copied.folder / "src/sparsefaces/fetch/sources/orl.py"
    path.write_text(path.read_text() + "\n# a comment\n")
    output = copied.run("dvc", "repro")
    assert "Running stage 'fetch'" in output
    assert output.count("Running stage") == 1


@pytest.mark.parametrize(("stage", "code"), [("train_dense", TRAINING_CODE), ("analyze", ANALYSIS_CODE)])
def test_keys__hash_the_rooms_that_dvc_yaml_names(stage, code):
    deps = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]["deps"]
    parts = {dep.removeprefix("src/sparsefaces/") for dep in deps if dep.startswith("src/sparsefaces/")}
    assert parts == {"__init__.py", *code}


def test_keys__change_with_what_weighs_the_terms(copied):
    """epsilon and eta come from `coefficients`, in a module that the keys once left out."""
    assert TrainParams.coefficients.__module__ == "sparsefaces.base.params"
    code = "import sys; sys.path.insert(0, 'src'); from sparsefaces.base.cache import TRAINING_CODE, code_hash; "
    code += "print(code_hash(*TRAINING_CODE))"
    assert copied.run("python", "-c", code).strip() == code_hash(*TRAINING_CODE)
    path = copied.folder / "src/sparsefaces/base/params.py"
    text = path.read_text()
    assert "self.eta_per_lambda * lambd" in text
    path.write_text(text.replace("self.eta_per_lambda * lambd", "self.eta_per_lambda"))
    assert copied.run("python", "-c", code).strip() != code_hash(*TRAINING_CODE)
