import numpy as np
import pytest
import torch
from problems import problem

from sparsefaces.report.units import describe_units
from sparsefaces.training.model import encode
from sparsefaces.training.weights import Weights


def faces_and_weights(faces=40, h=7):
    X, weights = problem(faces, d=12, h=h, dtype=torch.float32)
    return X.numpy(), Weights(*map(torch.Tensor.numpy, weights))


def test_units__figures_are_those_of_each_unit_on_its_own():
    X, weights = faces_and_weights()
    Z = encode(X, weights.V, weights.b)
    units = describe_units(Z, weights.W, (4, 3), faces=4, neighbours=3)
    for unit, z in enumerate(Z.T):
        assert units.frequency[unit] == pytest.approx((z > 0).mean())
        assert units.mean_activation[unit] == pytest.approx(z.mean(), rel=1e-5)
        assert units.usual_activation[unit] == pytest.approx(z[z > 0].mean(), rel=1e-5)
        assert units.faces[unit].tolist() == sorted(range(len(X)), key=lambda face: -z[face])[:4]
        w = weights.W[unit]
        cosines = {
            other: w @ v / np.linalg.norm(w) / np.linalg.norm(v) for other, v in enumerate(weights.W) if other != unit
        }
        assert units.neighbours[unit].tolist() == sorted(cosines, key=cosines.get, reverse=True)[:3]
        assert units.similarity[unit] == pytest.approx(sorted(cosines.values(), reverse=True)[:3], abs=1e-5)


def test_units__dead_and_near_dead_ones_are_marked_and_name_no_face_on_which_they_are_off():
    X, weights = faces_and_weights(2000)
    weights.b[1] = -1e6
    scores = X @ weights.V[:, 2]
    weights.b[2] = -np.partition(scores, -2)[-2]  # fires on one face, the one with the highest score
    weights.W[1] = 0
    units = describe_units(encode(X, weights.V, weights.b), weights.W, (4, 3))
    assert units.state.tolist() == ["alive", "dead", "near-dead", *["alive"] * 4]
    assert units.faces[1].tolist() == [-1] * 6
    assert units.faces[2].tolist() == [int(scores.argmax()), *[-1] * 5]
    assert units.usual_activation[1] == 0
    assert np.isnan([units.area[1], units.spread[1], units.window[1]]).all()
    assert np.isfinite(units.spread[2])
    assert np.isfinite(units.similarity).all()


def test_units__name_no_more_faces_and_neighbours_than_there_are_and_no_unit_as_its_own():
    X, weights = faces_and_weights(3, h=5)
    units = describe_units(encode(X, weights.V, weights.b), weights.W, (4, 3), faces=9, neighbours=9)
    assert units.faces.shape == (5, 3)
    assert [sorted([unit, *row]) for unit, row in enumerate(units.neighbours.tolist())] == [[0, 1, 2, 3, 4]] * 5


@pytest.mark.parametrize(("shape", "known"), [((9, 9), False), ((9, 10), True)])
def test_units__a_window_as_large_as_the_image_says_nothing(shape, known):
    W = np.ones((2, shape[0] * shape[1]), np.float32)
    assert np.isfinite(describe_units(np.ones((3, 2), np.float32), W, shape).window).tolist() == [known] * 2


@pytest.mark.parametrize(("faces_on", "state"), [(0, "dead"), (1, "near-dead"), (2, "alive"), (2000, "alive")])
def test_units__are_near_dead_below_one_face_in_a_thousand(faces_on, state):
    Z = np.zeros((2000, 2), np.float32)
    Z[:faces_on, 0] = 1
    assert describe_units(Z, np.eye(2, dtype=np.float32), (2, 1)).state[0] == state
