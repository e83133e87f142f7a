"""The closed-form engine is held to autograd on the reference objective."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from samples import EACH_LIBRARY, needs_onednn

from sparsefaces.base.params import Coefficients
from sparsefaces.training.activations import RELU, Activation
from sparsefaces.training.batches import draw_batch
from sparsefaces.training.engine import Engine
from sparsefaces.training.objective import get_objective_terms, weigh
from sparsefaces.training.products import LIBRARIES
from sparsefaces.training.weights import Weights, initialize

DENSE, SPARSE = Coefficients(0.0, 0.0, 0.0), Coefficients(1.0, 0.01, 1.0)


def problem(seed, m=6, d=5, h=4, silent=0):
    g = torch.Generator().manual_seed(seed)

    def normal(*size):
        return torch.randn(size, generator=g, dtype=torch.float64)

    weights = Weights(normal(d, h), normal(h, d), normal(h), normal(d))
    weights.b[:silent] = -1e6
    return normal(m, d), weights


def reference_gradients(X, weights, coefficients, activation=RELU):
    leaves = [t.clone().requires_grad_(True) for t in weights]
    weigh(get_objective_terms(X, *leaves, activation=activation), coefficients).backward()
    return [torch.zeros_like(t) if t.grad is None else t.grad for t in leaves]


def engine_of(X, weights, coefficients, library="blas", rate=1e-3, *, activation=RELU):
    clones = Weights(*(t.clone() for t in weights))
    return Engine(clones, len(X), coefficients, rate, activation=activation, products=LIBRARIES[library])


def assert_like_the_reference(X, weights, coefficients, activation=RELU):
    """Compare terms, gradients and their norm before an update; return the engine."""
    engine = engine_of(X, weights, coefficients, activation=activation)
    engine.forward(X)
    engine.backward(X)
    for mine, theirs in zip(engine.terms(), get_objective_terms(X, *weights, activation=activation), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    # The loss may be inf, yet its gradient is defined: autograd must see it without the inf.
    expected = reference_gradients(X, weights, coefficients, activation)
    for mine, theirs in zip(engine.gradients, expected, strict=True):
        assert mine.isfinite().all()
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)
    norm = torch.cat([gradient.ravel() for gradient in expected]).norm()
    torch.testing.assert_close(engine.gradient_norm(), norm, rtol=1e-9, atol=1e-9)
    return engine


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    m=st.integers(1, 8),
    silent=st.integers(0, 4),
    lambd=st.sampled_from([0.0, 0.3, 1.0, 20.0]),
    activation=st.sampled_from([RELU, *(Activation("topk", k) for k in (1, 2, 4))]),
)
def test_backward__agrees_with_autograd_also_where_units_are_silent(seed, m, silent, lambd, activation):
    X, weights = problem(seed, m=m, silent=silent)
    assert_like_the_reference(X, weights, Coefficients(lambd, 0.01 * lambd, lambd), activation)


DEGENERATE = {
    "equal faces": lambda X, weights: (X[:1].expand_as(X).clone(), weights),
    "faces of zeros": lambda X, weights: (torch.zeros_like(X), weights),
    "a batch of one": lambda X, weights: (X[:1].clone(), weights),
    "every unit silent": lambda X, weights: (X, weights._replace(b=weights.b - 1e6)),
    "units active for one face": lambda X, weights: (X, only_for_the_first_face(X, weights)),
    "a decoder of zeros": lambda X, weights: (X, weights._replace(W=torch.zeros_like(weights.W))),
}


def only_for_the_first_face(X, weights):
    """Set each unit's bias so that its largest activation, and no other, is above zero."""
    drive = (X @ weights.V).sort(dim=0, descending=True).values
    return weights._replace(b=-(drive[0] + drive[1]) / 2)


@pytest.mark.parametrize("coefficients", [DENSE, SPARSE])
@pytest.mark.parametrize("case", DEGENERATE)
def test_engine__terms_and_gradients_are_the_references_on_degenerate_batches(case, coefficients):
    X, weights = DEGENERATE[case](*problem(5))
    engine = assert_like_the_reference(X, weights, coefficients)
    engine.step(X)
    assert all(weight.isfinite().all() for weight in engine.weights)


STEPS = [
    pytest.param(torch.float64, 1e-9, "blas"),
    pytest.param(torch.float32, 2e-3, "blas"),
    pytest.param(torch.float32, 2e-3, "onednn", marks=needs_onednn),
]


@pytest.mark.parametrize(("dtype", "tolerance", "library"), STEPS)
@pytest.mark.parametrize("coefficients", [DENSE, SPARSE])
@pytest.mark.parametrize("activation", [RELU, Activation("topk", 6)])
def test_step__follows_the_exercises_loop(activation, coefficients, dtype, tolerance, library):
    """Relative to each tensor's largest entry: Adam divides by small moments and magnifies what rounding left."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 60)).astype(np.float32)
    start = Weights(*(torch.from_numpy(array).to(dtype) for array in initialize(60, 25, seed=0)))
    clones = Weights(*(t.clone() for t in start))
    engine = Engine(clones, 20, coefficients, 1e-4, activation=activation, products=LIBRARIES[library])
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


@pytest.mark.parametrize("library", EACH_LIBRARY)
def test_restore__goes_on_to_the_same_bits(library):
    X, weights = problem(9)
    X, weights = X.float(), [t.float() for t in weights]
    straight, first = (engine_of(X, weights, SPARSE, library, 1e-2) for _ in range(2))
    for _ in range(20):
        straight.step(X)
    for _ in range(7):
        first.step(X)
    second = engine_of(X, map(torch.zeros_like, weights), SPARSE, library, 1e-2)
    second.restore({name: tensor.clone() for name, tensor in first.state().items()})
    for _ in range(13):
        second.step(X)
    assert all(torch.equal(a, b) for a, b in zip(straight.weights, second.weights, strict=True))
