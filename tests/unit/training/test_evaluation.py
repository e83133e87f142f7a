import numpy as np
import pytest
import torch
from problems import problem

from sparsefaces.base.params import Coefficients
from sparsefaces.metrics import code_bits, hoyer_sparsity
from sparsefaces.training.activations import RELU, Activation
from sparsefaces.training.evaluate import evaluate
from sparsefaces.training.model import Model
from sparsefaces.training.objective import get_objective_terms, weigh
from sparsefaces.training.weights import Weights

SPARSE = Coefficients(1.0, 0.01, 1.0)


def faces_and_model(n=2300):
    X, weights = problem(n, d=6, h=5, dtype=torch.float32)
    return X.numpy(), Model(Weights(*map(torch.Tensor.numpy, weights)))


def test_evaluate__equals_the_reference_over_all_faces_in_one_piece():
    X, model = faces_and_model()
    values = evaluate(X, model, SPARSE)
    terms = get_objective_terms(X, *map(torch.from_numpy, model.weights))
    for name, term in terms._asdict().items():
        assert values[name] == pytest.approx(float(term), rel=1e-5)
    assert values["loss"] == pytest.approx(float(weigh(terms, SPARSE)), rel=1e-5)
    codes = model.encode(X)
    assert values["l0"] == pytest.approx(float((codes > 0).sum(1).mean()))
    assert values["bits"] == pytest.approx(code_bits((codes > 0).sum(1), 5).mean(), rel=1e-5)
    assert values["hoyer"] == pytest.approx(hoyer_sparsity(codes).mean(), rel=1e-5)
    assert values["explained_variance"] == pytest.approx(1 - values["rec"] / X.var(axis=0).sum(), rel=1e-4)
    assert values["silent_units"] == 0
    assert values["min_mean_activation"] == pytest.approx(float(codes.mean(0).min()), rel=1e-5)


def test_evaluate__effective_area_is_the_median_filters_and_missing_without_filters():
    X, model = faces_and_model(30)
    squares = np.square(model.filters, dtype=np.float64)
    shares = squares / squares.sum(axis=1, keepdims=True)
    expected = np.median(1 / (6 * np.square(shares).sum(axis=1)))
    assert evaluate(X, model, SPARSE)["effective_area"] == pytest.approx(expected)
    blank = Model(model.weights._replace(W=np.zeros_like(model.filters)))
    assert "effective_area" not in evaluate(X, blank, SPARSE)


@pytest.mark.parametrize("activation", [RELU, Activation("topk", {"k": 2})])
def test_evaluate__is_of_the_codes_that_the_activation_keeps(activation):
    X, model = faces_and_model()
    values = evaluate(X, model._replace(activation=activation), SPARSE)
    weights = map(torch.from_numpy, model.weights)
    terms = get_objective_terms(X, *weights, activation=activation)
    assert values["rec"] == pytest.approx(float(terms.rec), rel=1e-5)
    codes = model._replace(activation=activation).encode(X)
    assert values["l0"] == pytest.approx(np.count_nonzero(codes, axis=1).mean(), rel=1e-3)
    assert (values["l0"] <= 2) == (activation != RELU)


def test_evaluate__silent_unit_is_counted_and_infinity_left_out_of_json():
    X, model = faces_and_model()
    model.weights.b[1] = -1e6
    values = evaluate(X, model, SPARSE)
    assert (values["silent_units"], values["ent"], values["loss"]) == (1, None, None)
    assert evaluate(X, model, Coefficients(0, 0, 0))["loss"] == pytest.approx(values["rec"])


def test_evaluate__of_one_face_explains_no_variance():
    X, model = faces_and_model(1)
    values = evaluate(X, model, SPARSE)
    assert values["explained_variance"] is None
    assert values["rec"] > 0
