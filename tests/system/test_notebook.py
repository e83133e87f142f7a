"""The exercise's own cells, and the notebooks that retell it."""

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

NOTEBOOK, BLANK = ROOT / "examples/exercise.ipynb", ROOT / "examples/exercise-blank.ipynb"
SHORT = 'ITERATIONS, SOURCE = 11, "orl"'


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


def test_notebook__runs_from_top_to_bottom():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (cell,) = (cell for cell in notebook.cells if cell.source.startswith("ITERATIONS ="))
    cell.source = SHORT
    nbclient.NotebookClient(notebook, timeout=DEADLINE, resources={"metadata": {"path": NOTEBOOK.parent}}).execute()
    text = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "400 faces of 33 x 27 pixels from orl" in text
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


def fill(**cells):
    """Run the cells of the notebook with blanks, those that begin so replaced."""
    cells = {"ITERATIONS": SHORT, "count": "pass  # eleven iterations tell both apart by chance", **cells}
    names = {}
    for cell in nbformat.read(BLANK, as_version=4).cells:
        if cell.cell_type == "code":
            source = next((text for start, text in cells.items() if cell.source.startswith(start)), cell.source)
            exec(source.removeprefix("%matplotlib inline\n"), names)


def test_blank__stops_at_the_blank_that_is_next_and_runs_through_once_all_are_filled(capsys):
    terms, train = "def get_objective_terms", "def train"
    with pytest.raises(NotImplementedError, match="blank 1: write get_objective_terms"):
        fill()
    with pytest.raises(NotImplementedError, match="blank 2: write train"):
        fill(**{terms: TERMS})
    with pytest.raises(AssertionError, match="rec is .* sum the squares over the pixels"):
        fill(**{terms: TERMS.replace(".sum(1).mean()\n", ".mean()\n")})
    with pytest.raises(AssertionError, match="does the optimizer step"):
        fill(**{terms: TERMS, train: TRAIN.replace("        adam.step()\n", "")})
    fill(**{terms: TERMS, train: TRAIN})
    assert "The training learns." in capsys.readouterr().out
