"""The closed-form engine is held to autograd on the reference objective."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from problems import problem

from sparsefaces.base.params import Coefficients
from sparsefaces.training.activations import RELU, Activation
from sparsefaces.training.batches import draw_batch
from sparsefaces.training.engine import Engine
from sparsefaces.training.objective import get_objective_terms, weigh
from sparsefaces.training.weights import Weights, initialize

DENSE, SPARSE = Coefficients(0.0, 0.0, 0.0), Coefficients(1.0, 0.01, 1.0)


def reference_gradients(X, weights, coefficients, activation=RELU):
    leaves = [t.clone().requires_grad_(True) for t in weights]
    weigh(get_objective_terms(X, *leaves, activation=activation), coefficients).backward()
    return [torch.zeros_like(t) if t.grad is None else t.grad for t in leaves]


def engine_of(X, weights, coefficients, rate=1e-3, *, activation=RELU):
    return Engine(Weights(*(t.clone() for t in weights)), len(X), coefficients, rate, activation=activation)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    m=st.integers(1, 8),
    silent=st.integers(0, 4),
    lambd=st.sampled_from([0.0, 0.3, 1.0, 20.0]),
    activation=st.sampled_from([RELU, *(Activation("topk", {"k": k}) for k in (1, 2, 4))]),
)
def test_backward__agrees_with_autograd_also_where_units_are_silent(seed, m, silent, lambd, activation):
    X, weights = problem(m, seed=seed)
    weights.b[:silent] = -1e6
    coefficients = Coefficients(lambd, 0.01 * lambd, lambd)
    engine = engine_of(X, weights, coefficients, activation=activation)
    engine.forward(X)
    engine.backward(X)
    for mine, theirs in zip(engine.terms(), get_objective_terms(X, *weights, activation=activation), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    # The loss may be inf, yet its gradient is defined.
    expected = reference_gradients(X, weights, coefficients, activation)
    for mine, theirs in zip(engine.gradients, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)
    norm = torch.cat([gradient.ravel() for gradient in expected]).norm()
    torch.testing.assert_close(engine.gradient_norm(), norm, rtol=1e-9, atol=1e-9)
    engine.advance()
    assert all(weight.isfinite().all() for weight in engine.weights)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-3)])
@pytest.mark.parametrize("coefficients", [DENSE, SPARSE])
@pytest.mark.parametrize("activation", [RELU, Activation("topk", {"k": 6})])
def test_step__follows_the_exercises_loop(activation, coefficients, dtype, tolerance):
    """Relative to each tensor's largest entry: Adam divides by small moments and magnifies what rounding left."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 60)).astype(np.float32)
    start = Weights(*(torch.from_numpy(array).to(dtype) for array in initialize(60, 25, seed=0)))
    clones = Weights(*(t.clone() for t in start))
    engine = Engine(clones, 20, coefficients, 1e-4, activation=activation)
    leaves = Weights(*(t.clone().requires_grad_(True) for t in start))
    adam = torch.optim.Adam(list(leaves), lr=1e-4)
    for step in range(40):
        batch = torch.from_numpy(X[draw_batch(0, step, len(X), 20)]).to(dtype)
        engine.step(batch)
        adam.zero_grad()
        weigh(get_objective_terms(batch, *leaves, activation=activation), coefficients).backward()
        adam.step()
    for mine, theirs in zip(engine.weights, leaves, strict=True):
        torch.testing.assert_close(mine, theirs.detach(), rtol=0, atol=tolerance * float(theirs.detach().abs().max()))
