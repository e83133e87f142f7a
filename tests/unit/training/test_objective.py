import numpy as np
import pytest
import torch

from sparsefaces import get_objective_terms
from sparsefaces.base.params import Coefficients
from sparsefaces.training.objective import weigh


def random_problem(seed, n=7, d=5, h=4, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    sizes = {"X": (n, d), "V": (d, h), "W": (h, d), "b": (h,), "a": (d,)}
    return [torch.randn(size, generator=g, dtype=dtype) for size in sizes.values()]


def test_terms__equal_the_formulas_written_out_in_loops():
    X, V, W, b, a = random_problem(0)
    b = b + 1  # every unit is active on some face
    rec = spa = 0.0
    activity = np.zeros(4)
    for x in X:
        z = [max(0.0, float(x @ V[:, j] + b[j])) for j in range(4)]
        xhat = [sum(z[j] * float(W[j, p]) for j in range(4)) + float(a[p]) for p in range(5)]
        rec += sum((float(x[p]) - xhat[p]) ** 2 for p in range(5)) / 7
        spa += sum(z) / 7
        activity += np.array(z) / 7
    expected = (rec, spa, (1 / activity).sum(), float((W**2).sum()))
    assert [float(term) for term in get_objective_terms(X, V, W, b, a)] == pytest.approx(expected)


def test_terms__take_numpy_arrays():
    X, *weights = random_problem(0)
    expected = get_objective_terms(X, *weights)
    assert get_objective_terms(X.numpy(), *weights) == expected
    assert get_objective_terms(*(tensor.numpy() for tensor in (X, *weights))) == expected


def test_terms__silent_unit_makes_ent_infinite_but_no_gradient_nan():
    X, V, W, b, a = random_problem(3)
    b = b + 1
    b[2] = -1e6
    weights = [t.requires_grad_(True) for t in (V, W, b, a)]
    ent = get_objective_terms(X, *weights).ent
    assert ent.item() == float("inf")
    gradients = torch.autograd.grad(ent, weights, allow_unused=True)
    assert all(torch.isfinite(g).all() for g in gradients if g is not None)
    assert gradients[0][:, 2].abs().sum() == 0
    assert gradients[0][:, 0].abs().sum() > 0


def test_weigh__zero_coefficient_adds_nothing_to_an_infinite_term():
    X, V, W, b, a = random_problem(3)
    b[2] = -1e6
    terms = get_objective_terms(X, V, W, b, a)
    assert float(weigh(terms, Coefficients(0, 0, 0))) == float(terms.rec)
    assert float(weigh(terms, Coefficients(1, 0.01, 1))) == float("inf")
