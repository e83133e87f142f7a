"""The exercise's own cells, and the notebook that retells it."""

import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
import torch
from gates import DEADLINE
from projects import ROOT

from sparsefaces import get_objective_terms, plot_sparsity, train, view_decoder

NOTEBOOK = ROOT / "examples" / "exercise.ipynb"


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
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["nbit", "rec", "spa", "ent", "reg"]
    assert [line.split()[0] for line in printed] == ["nbit", "0", "2"] * 2
    assert [tuple(t.shape) for t in (V1, W1, b1, a1)] == [(1036, 400), (400, 1036), (400,), (1036,)]
    rec, _, _, reg = get_objective_terms(X, V1, W1, b1, a1)
    assert rec < 1036
    assert reg > 0
    plot_sparsity(X, V1, V2, b1, b2)
    view_decoder(W1, W2)
    assert len(plt.get_fignums()) >= 2


def test_notebook__is_committed_executed_without_errors_and_with_its_pictures():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert str(ROOT) not in NOTEBOOK.read_text()


def test_notebook__runs_from_top_to_bottom():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (settings,) = (cell for cell in notebook.cells if cell.source.startswith("ITERATIONS ="))
    settings.source = 'ITERATIONS, SOURCE = 11, "orl"'
    nbclient.NotebookClient(notebook, timeout=DEADLINE, resources={"metadata": {"path": NOTEBOOK.parent}}).execute()
    text = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "400 faces of 33 x 27 pixels from orl" in text
    assert "    10 " in text
