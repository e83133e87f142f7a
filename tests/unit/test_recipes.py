"""Recipes of docs/make-it-yours.md that need no pipeline; tests/system/test_another_project.py has the others."""

import importlib
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from guide import GUIDE, type_in
from problems import problem
from samples import PARAMS

from sparsefaces.training.weights import Weights


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Edit a copy of a module, and let it be imported in the original's place."""

    def edit(name, *edits):
        original = importlib.import_module(name)
        path = Path(shutil.copy(original.__file__, tmp_path / f"{name}.py"))
        type_in(path, *edits)
        folders = getattr(original, "__path__", None)
        spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folders)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return edit


def typed(code):
    """Take code that the guide gives within a sentence."""
    assert f"`{code}`" in GUIDE
    return code


def test_term__has_the_gradient_that_autograd_computes(edited):
    term, code_sum, gradient = map(
        typed,
        (
            "Z.square().sum(1).mean()",
            "self._ranks.all_reduce(self._code.square().sum(0).sum()) / self._batch_size",
            "G.add_(self._code, alpha=2 * gamma / m)",
        ),
    )
    base = edited(
        "sparsefaces.base.params", ("    eta: float\n", f"    eta: float\n    {typed('gamma: float = 0.0')}\n")
    )
    objective = edited(
        "sparsefaces.training.objective",
        ("    reg: Tensor\n", f"    reg: Tensor\n    {typed('sqr: Tensor')}\n"),
        ("W.square().sum())", f"W.square().sum(), {term})"),
    )
    engine = edited(
        "sparsefaces.training.engine",
        ("entropy_term(mean), reg)", f"entropy_term(mean), reg, {code_sum})"),
        (
            "lambd, epsilon, _ = self._coefficients\n",
            f"lambd, epsilon, _, gamma = self._coefficients\n        {gradient}\n",
        ),
    )
    X, weights = problem(9, d=7, h=5)
    coefficients = base.Coefficients(0.3, 0.1, 0.2, 0.7)
    ours = engine.Engine(Weights(*(weight.clone() for weight in weights)), len(X), coefficients, 0.01)
    ours.forward(X)
    ours.backward(X)
    leaves = [weight.clone().requires_grad_(True) for weight in weights]
    terms = objective.get_objective_terms(X, *leaves)
    torch.testing.assert_close(ours.terms().sqr, terms.sqr.detach())
    objective.weigh(terms, coefficients).backward()
    torch.testing.assert_close(list(ours.gradients), [leaf.grad for leaf in leaves])
    with torch.no_grad():
        without = objective.weigh(terms, base.Coefficients(0.3, 0.1, 0.2))
        torch.testing.assert_close(objective.weigh(terms, coefficients) - without, 0.7 * terms.sqr)


DIGITS = """
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from sparsefaces.fetch.sources.faces import prepare_all


def read(crop, resize):
    images = (load_digits().images * 255 / 16).astype(np.uint8)
    return prepare_all("digits", images, Image.fromarray, str, crop=crop, resize=resize)
"""


def test_source__is_a_module_with_its_name_in_three_places(edited, in_tmp, monkeypatch):
    digits = ModuleType("sparsefaces.fetch.sources.digits")
    monkeypatch.setitem(sys.modules, digits.__name__, digits)
    exec(DIGITS, digits.__dict__)
    base = edited("sparsefaces.base.params", ('"orl", "folder"]', '"orl", "folder", "digits"]'))
    chosen = "return digits.read(params.crop, params.resize)"
    sources = edited(
        "sparsefaces.fetch.sources",
        ("import folder,", "import digits, folder,"),
        ("    try:\n", f"    if params.source == 'digits':\n        {chosen}\n    try:\n"),
    )
    readers = ("READERS = {", 'READERS = {"digits": ("numpy", "scikit-learn"), ')
    outputs = edited("sparsefaces.fetch.outputs", readers)
    type_in(Path(shutil.copy(PARAMS, in_tmp)), ("source: orl", "source: digits"))
    values = base.load_params(Path("params.yaml"))
    outputs.save_faces(sources.fetch_faces(values.fetch, values.machine))
    assert np.load("stages/fetch/faces.npy").shape == (1797, 14, 11)
    provenance = json.loads(Path("stages/fetch/provenance.json").read_text())
    assert (provenance["source"], [*provenance["versions"]]) == ("digits", ["numpy", "scikit-learn"])
