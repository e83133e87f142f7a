"""A user changes parameters and the tests stay green; those of the committed results say why they are skipped."""

import os
import subprocess

import pytest
from projects import ROOT, Project

# The quick ones of those that have to do with parameters, faces or pages; conftest.py keeps all others from looking.
TESTS = ("committed", "unit/test_pages.py", "unit/test_workflows.py", "unit/fetch/test_sources.py")
CHANGES = {
    "fetch": {"source": "orl", "resize": 1.0},
    "standardize": {"holdout": 0.2},
    "train": {"seed": 2, "hidden_units": 64, "iterations": 501},
    "train_sparse": {"lambda": 0.0, "activation": "topk", "k": 16},
}


@pytest.mark.skipif("CI" not in os.environ, reason="tests once more, in a clone with other parameters: CI runs them")
def test_tests__stay_green_after_changes_of_parameters(tmp_path):
    project = Project(tmp_path / "project")
    subprocess.run(["git", "clone", "-q", ROOT, project.folder], check=True)
    project.set_params(CHANGES)
    project.run("git", "commit", "-qam", "other parameters")
    said = project.run("python", "-m", "pytest", "-p", "no:cacheprovider", *(f"tests/{name}" for name in TESTS))
    assert "params.yaml is not the exercise's: fetch.source is orl, not lfw" in said
    assert said.count("SKIPPED") == 1
