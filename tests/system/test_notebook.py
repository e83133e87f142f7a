"""The exercise's own cells, and the notebook that retells it."""

import re

import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
import torch
from gates import DEADLINE
from projects import ROOT

from sparsefaces import get_objective_terms, plot_sparsity, train, view_decoder
from sparsefaces.base.words import FACES

NOTEBOOK, BLANK = ROOT / "examples/exercise.ipynb", ROOT / "examples/exercise-blank.ipynb"


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")


def test_surface__the_exercises_cells_run_on_37_x_28_images_without_further_arguments(capsys):
    D = np.random.default_rng(0).random((120, 37, 28), dtype=np.float32)
    X = D.reshape(len(D), -1)
    X = X - X.mean(axis=0)
    X = torch.Tensor(X / X.std())
    V1, W1, b1, a1 = train(X, iterations=3)
    V2, W2, b2, _ = train(X, lambd=1, iterations=3)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["nbit", "0", "2"] * 2
    assert [tuple(t.shape) for t in (V1, W1, b1, a1)] == [(1036, 400), (400, 1036), (400,), (1036,)]
    assert get_objective_terms(X, V1, W1, b1, a1).rec < 1036
    plot_sparsity(X, V1, V2, b1, b2)
    view_decoder(W1, W2)
    assert len(plt.get_fignums()) >= 2


def test_notebook__is_committed_executed_without_errors_and_with_its_pictures():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    said = "".join(output.text for output in outputs if output.get("name") == "stderr")
    assert re.sub(r"lambda = \d: [\d,]+ it \(\d+%\)\n", "", said) == ""  # progress of a machine that took its time
    assert not [output for output in outputs if output.output_type == "error"]
    assert "13,233 faces of 37 x 28 pixels from lfw" in "".join(output.get("text", "") for output in outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert str(ROOT) not in NOTEBOOK.read_text()


def execute(path, **cells):
    """Run a notebook on few iterations, with cells that begin so replaced; return what it prints."""
    notebook = nbformat.read(path, as_version=4)
    for start, source in {"ITERATIONS =": 'ITERATIONS, SOURCE = 11, "orl"', **cells}.items():
        (cell,) = (cell for cell in notebook.cells if cell.source.startswith(start))
        cell.source = source
    nbclient.NotebookClient(notebook, timeout=DEADLINE, resources={"metadata": {"path": path.parent}}).execute()
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


def test_notebook__runs_from_top_to_bottom():
    text = execute(NOTEBOOK)
    assert f"400 {FACES} of 33 x 27 pixels from orl" in text
    assert "    10 " in text


TERMS = """
def get_objective_terms(X, V, W, b, a):
    Z = torch.relu(X @ V + b)
    rec = ((X - Z @ W - a) ** 2).sum(1).mean()
    return rec, Z.sum(1).mean(), (1 / Z.mean(0)).sum(), (W**2).sum()
"""
TRAIN = """
def train(X, lambd=0, iterations=ITERATIONS):
    X, d = torch.as_tensor(X), X.shape[1]
    V = (torch.randn(d, 400, generator=torch.manual_seed(1)) / d**0.5).requires_grad_()
    W, b, a = (torch.zeros(size, requires_grad=True) for size in ((400, d), 400, d))
    adam = torch.optim.Adam([V, W, b, a], lr=1e-4)
    for _ in range(iterations):
        rec, spa, ent, reg = get_objective_terms(X[torch.randperm(len(X))[:100]], V, W, b, a)
        loss = rec + lambd * spa + 0.01 * lambd * ent + lambd * reg if lambd else rec
        adam.zero_grad()
        loss.backward()
        adam.step()
    return V, W, b, a
"""


def test_blank__stops_at_the_blank_that_is_next_and_runs_through_once_all_are_filled():
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="blank 1: write get_objective_terms"):
        execute(BLANK)
    filled = {"def get_objective_terms": TERMS}
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="blank 2: write train"):
        execute(BLANK, **filled)
    wrong = TERMS.replace(".sum(1).mean()\n", ".mean()\n")
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="rec is .* sum the squares over the pixels"):
        execute(BLANK, **{"def get_objective_terms": wrong})
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="does the optimizer step"):
        execute(BLANK, **filled, **{"def train": TRAIN.replace("        adam.step()\n", "")})
    # Eleven iterations tell dense and sparse apart no more than by chance.
    compared = {"count =": "print('compared')"}
    assert "The training learns." in execute(BLANK, **filled, **{"def train": TRAIN}, **compared)
