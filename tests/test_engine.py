"""The closed-form engine is held to autograd on the reference objective."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from sparsefaces.engine import Engine
from sparsefaces.objective import get_objective_terms, weigh
from sparsefaces.params import Coefficients
from sparsefaces.weights import Weights

DENSE, SPARSE = Coefficients(0.0, 0.0, 0.0), Coefficients(1.0, 0.01, 1.0)


def problem(seed, m=6, d=5, h=4, silent=0):
    g = torch.Generator().manual_seed(seed)

    def normal(*size):
        return torch.randn(size, generator=g, dtype=torch.float64)

    weights = Weights(normal(d, h), normal(h, d), normal(h), normal(d))
    weights.b[:silent] = -1e6
    return normal(m, d), weights


def reference_gradients(X, weights, coefficients):
    leaves = [t.clone().requires_grad_(True) for t in weights]
    weigh(get_objective_terms(X, *leaves), coefficients).backward()
    return [torch.zeros_like(t) if t.grad is None else t.grad for t in leaves]


def engine_gradients(X, weights, coefficients):
    engine = Engine(Weights(*(t.clone() for t in weights)), len(X), coefficients, 1e-3)
    engine.forward(X)
    engine.backward(X)
    gradients = [t.grad.clone() for t in engine.weights]
    gradients[1] += 2 * coefficients.eta * weights.W  # what Adam's weight decay adds
    return gradients


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    m=st.integers(1, 8),
    silent=st.integers(0, 4),
    lambd=st.sampled_from([0.0, 0.3, 1.0, 20.0]),
)
def test_backward__agrees_with_autograd_also_where_units_are_silent(seed, m, silent, lambd):
    X, weights = problem(seed, m=m, silent=silent)
    coefficients = Coefficients(lambd, 0.01 * lambd, lambd)
    # The loss may be inf, yet its gradient is defined: autograd must see it without the inf.
    expected = reference_gradients(X, weights, coefficients)
    for mine, theirs in zip(engine_gradients(X, weights, coefficients), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("coefficients", [DENSE, SPARSE])
def test_backward__agrees_with_finite_differences(coefficients):
    X, weights = problem(1)
    weights = weights._replace(b=weights.b + 3)

    def loss(*leaves):
        return weigh(get_objective_terms(X, *leaves), coefficients)

    step = 1e-6
    for index, gradient in enumerate(engine_gradients(X, weights, coefficients)):
        flat = gradient.reshape(-1)
        for position in range(0, flat.numel(), 3):
            moved = [[t.clone() for t in weights] for _ in range(2)]
            moved[0][index].reshape(-1)[position] += step
            moved[1][index].reshape(-1)[position] -= step
            difference = (loss(*moved[0]) - loss(*moved[1])) / (2 * step)
            assert float(flat[position]) == pytest.approx(float(difference), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("coefficients", [DENSE, SPARSE])
def test_step__follows_the_plain_autograd_loop(coefficients):
    X, weights = problem(2)
    engine = Engine(Weights(*(t.clone() for t in weights)), len(X), coefficients, 1e-2)
    leaves = [t.clone().requires_grad_(True) for t in weights]
    adam = torch.optim.Adam(leaves, lr=1e-2)
    for _ in range(30):
        engine.step(X)
        adam.zero_grad()
        weigh(get_objective_terms(X, *leaves), coefficients).backward()
        adam.step()
    for mine, theirs in zip(engine.weights, leaves, strict=True):
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-7, atol=1e-9)


def test_terms__are_those_of_the_reference_before_the_update():
    X, weights = problem(4)
    engine = Engine(Weights(*(t.clone() for t in weights)), len(X), SPARSE, 1e-2)
    engine.forward(X)
    for mine, theirs in zip(engine.terms(), get_objective_terms(X, *weights), strict=True):
        torch.testing.assert_close(mine, theirs)
