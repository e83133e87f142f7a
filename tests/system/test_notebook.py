"""The exercise's own cells, and its notebooks: the solutions fill the blanks."""

import re

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from projects import ROOT

from sparsefaces import get_objective_terms, plot_sparsity, train, view_decoder

SOLVED, BLANK = ROOT / "examples/exercise.ipynb", ROOT / "examples/exercise-blank.ipynb"


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    yield
    plt.close("all")


def code_of(notebook):
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def run(source, names, iterations=1):
    """Run a cell as a notebook does, with few iterations on the faces that need no download."""
    source = source.removeprefix("%matplotlib inline\n")
    exec(f'ITERATIONS, SOURCE = {iterations}, "orl"' if source.startswith("ITERATIONS") else source, names)
    plt.close("all")


def text_of(cells):
    return "".join(output.text for cell in cells for output in cell.outputs if output.get("name") == "stdout")


def first_rows(text):
    """Read the rows of the terms before the first update."""
    return [[float(number) for number in row.split()] for row in re.findall("^ +0 .*", text, re.MULTILINE)]


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


def test_solutions__are_committed_executed_in_order_with_pictures_and_no_message():
    cells = code_of(SOLVED)
    outputs = [output for cell in cells for output in cell.outputs]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert {output.get("name", "stdout") for output in outputs} == {"stdout"}
    assert not [output for output in outputs if output.output_type == "error"]
    assert len(re.findall("^ 10000 ", text_of(cells), re.MULTILINE)) == 2
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert str(ROOT) not in SOLVED.read_text()


def test_solutions__run_and_begin_with_the_numbers_that_are_committed(capsys):
    cells, names = code_of(SOLVED), {}
    for cell in cells:
        run(cell.source, names)
    printed = capsys.readouterr().out
    assert "400 faces of 33 x 27 pixels from orl" in printed
    assert "400 faces of 33 x 27 pixels from orl" in text_of(cells)
    assert len(first_rows(printed)) == 2
    np.testing.assert_allclose(first_rows(printed), first_rows(text_of(cells)), rtol=1e-4)


MISTAKES = {  # by blank: what to write instead of what, and what the check then says
    "get_objective_terms": (".square().sum(1).mean()", ".square().mean()", "rec is .* sum the squares over the pixels"),
    "train": ("        adam.step()", "        pass", "does the optimizer step"),
    "plot_sparsity": ("np.sort(Z, axis=None)[::-1]", "Z.ravel()", "dense: .* largest first"),
    "hoyer": ("np.abs(Z).sum(1)", "Z.mean(1)", "Hoyer's measure is 1, not 1.75"),
    "view_decoder": ("range(0, 64, 8)", "range(0, 32, 8)", "show 64 filters of each model"),
}


def test_blanks__each_check_refuses_the_blank_and_a_mistake_and_takes_the_solution():
    solutions = {cell.source.split("(")[0]: cell.source for cell in code_of(SOLVED)}
    sources, names, filled = [cell.source for cell in code_of(BLANK)], {}, []
    for source, check in zip(sources, [*sources[1:], ""], strict=True):
        if "raise NotImplementedError" not in source:
            # Eleven iterations tell the dense and the sparse model apart by chance.
            run(source.partition("assert sparse < dense")[0], names, iterations=11)
            continue
        head = source.split("(")[0]
        name = head.removeprefix("def ")
        run(source, names)
        with pytest.raises(NotImplementedError, match=f"blank {len(filled) + 1}: write {name}"):
            run(check, names)
        right, wrong, says = MISTAKES[name]
        assert right in solutions[head]
        run(solutions[head].replace(right, wrong), names)
        with pytest.raises(AssertionError, match=says):
            run(check, names)
        run(solutions[head], names)
        filled.append(name)
    assert filled == [*MISTAKES]
