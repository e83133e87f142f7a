"""Rate and distortion: what is counted, and that codes come back as they should."""

import math

import numpy as np
import pytest

from sparsefaces.analyze.compression import (
    LinearCode,
    Point,
    autoencoder_code,
    curve,
    dct_atoms,
    keep_strongest,
    orthogonal_code,
    point,
)
from sparsefaces.analyze.crossings import compare_curves, describe_sizes
from sparsefaces.analyze.rate_distortion import decode_at, table
from sparsefaces.metrics import BITS_PER_ACTIVATION
from sparsefaces.training.model import Model
from sparsefaces.training.weights import Weights

SHAPE = (6, 5)


@pytest.fixture
def X():
    return np.random.default_rng(0).standard_normal((50, 30)).astype(np.float32)


def code_of(codes, atoms, *, chosen=True):
    n = codes.shape[1]
    return LinearCode(
        codes, atoms, np.zeros(atoms.shape[1], np.float32), np.zeros(n, np.float32), codes.max(axis=0), chosen
    )


def test_keep_strongest__takes_the_strongest_contributions_not_the_largest_activations():
    atoms = np.diag([1, 10, 1]).astype(np.float32)
    codes = np.array([[3, 1, 0], [4, 0, 0]], dtype=np.float32)
    kept, active = keep_strongest(code_of(codes, atoms), 1, bits=16)
    assert kept == pytest.approx(np.array([[0, 1, 0], [4, 0, 0]]), rel=1e-3)
    assert active.tolist() == [1, 1]
    _, active = keep_strongest(code_of(codes, atoms), 3, bits=16)
    assert active.tolist() == [2, 1]  # what is not active is neither kept nor counted


def test_keep_strongest__quantises_within_half_a_step(X):
    code = orthogonal_code(np.eye(30, dtype=np.float32), X.mean(axis=0), X, X, chosen=False)
    for bits in (3, 5, 8):
        values, _ = keep_strongest(code, 30, bits)
        step = (code.high - code.low) / 2**bits
        assert (np.abs(values - code.codes) <= step * 0.501).all()


def test_dct__is_orthonormal_and_starts_with_the_constant():
    atoms = dct_atoms(SHAPE)
    assert atoms @ atoms.T == pytest.approx(np.eye(30), abs=1e-5)
    assert atoms[0] == pytest.approx(np.full(30, 1 / math.sqrt(30)))


def test_curve__counts_the_choice_only_where_there_is_one(X):
    ks = [1, 3, 30]
    best, first = (
        curve("m", orthogonal_code(dct_atoms(SHAPE), X.mean(axis=0), X, X, chosen=chosen), X, ks, 0.1)
        for chosen in (True, False)
    )
    assert [point.bits for point in first] == [k * BITS_PER_ACTIVATION for k in ks]
    expected = [math.log2(math.comb(30, k)) + k * BITS_PER_ACTIVATION for k in ks]
    assert [point.bits for point in best] == pytest.approx(expected)
    assert best[1].psnr > first[1].psnr
    assert best[2].psnr == pytest.approx(first[2].psnr)
    assert best[0].psnr < best[1].psnr < best[2].psnr


def test_curve__ends_where_no_face_has_more_active_units(X):
    codes = np.maximum(X, 0)
    codes[:, 4:] = 0
    points = curve("m", code_of(codes, np.eye(30, dtype=np.float32)), X, [1, 4, 8, 30], 1.0)
    assert [point.coefficients for point in points][-1] == pytest.approx((codes > 0).sum(axis=1).mean())
    assert len(points) == 2


def test_autoencoder_code__with_all_units_and_many_bits_is_the_models_reconstruction(X):
    rng = np.random.default_rng(1)
    V, W, b, a = (rng.standard_normal(shape).astype(np.float32) for shape in ((30, 7), (7, 30), (7,), (30,)))
    fitting, judged = X[:30], X[30:]
    model = Model(Weights(V, W, b, a))
    code = autoencoder_code(model, fitting, judged)
    # What a coefficient may be is known from the faces that were fitted.
    assert code.high == pytest.approx(model.encode(fitting).max(axis=0))
    assert (code.low == 0).all()
    assert code.chosen
    Z = np.minimum(model.encode(judged), code.high)
    sent, active = keep_strongest(code, 7, bits=20)
    assert sent == pytest.approx(Z, abs=1e-4)
    assert active.tolist() == np.count_nonzero(model.encode(judged), axis=1).tolist()
    few = point("m", code, judged, 2, 0.5)
    kept, _ = keep_strongest(code, 2)
    assert few.errors == pytest.approx(np.square(model.decode(kept) - judged).mean(axis=1) * 0.25, rel=1e-5)
    assert few.coefficients == np.minimum(active, 2).mean()
    assert few.psnr == pytest.approx(-10 * math.log10(few.errors.mean()))


def test_decode_at__fills_the_budget_and_never_exceeds_it(X):
    code = orthogonal_code(np.eye(30, dtype=np.float32), X.mean(axis=0), X, X, chosen=False)
    for bits, kept in ((BITS_PER_ACTIVATION * 4, 4), (BITS_PER_ACTIVATION * 4 + 4, 4), (1, 1), (1e6, 30)):
        faces = decode_at(code, bits, 2) - code.offset
        assert [np.count_nonzero(face) for face in faces] == [kept, kept]


def points(method, values):
    return [Point(method, k, 10.0 * k, np.array([10 ** (-value / 10)])) for k, value in values]


def test_compare_curves__say_from_where_to_where_each_is_ahead_and_cross_between_the_points():
    curves = points("sparse", [(1, 20), (100, 22)]) + points("dense", [(1, 19), (10, 21), (100, 25), (1000, 30)])
    rows = compare_curves(curves, ["dense", "sparse"])
    assert [row["at"] for row in rows] == ["bits", "bits", "coefficients", "coefficients"]
    assert {(row["model"], row["against"]) for row in rows} == {("sparse", "dense")}
    # Even at 10 coefficients, where both have 21 dB; sparse has no more than 100.
    assert [(row["from"], row["to"], row["gain"]) for row in rows[2:]] == [(1, 10, 1), (10, 100, -3)]
    crossing = points("sparse", [(1, 20), (100, 22), (999, 23)]) + points("dense", [(1, 19), (100, 23), (999, 30)])
    ahead, behind = compare_curves(crossing, ["dense", "sparse"])[2:]
    assert (ahead["to"], behind["from"]) == pytest.approx((10, 10))


def test_compare_curves__say_nothing_of_what_is_level_unknown_or_has_no_rate_in_common():
    level = points("sparse", [(1, 20), (10, 21)]) + points("dense", [(1, 19.97), (10, 20.99)])
    apart = points("sparse", [(1, 20), (10, 21)]) + points("dense", [(20, 20), (30, 21)])
    exact = points("sparse", [(1, 20), (10, math.inf)]) + points("dense", [(1, 20), (10, 21)])
    for curves in (level, apart, exact):
        assert compare_curves(curves, ["dense", "sparse"]) == []
    jpeg = [point._replace(method="JPEG", coefficients=None) for point in points("", [(1, 19), (10, 20)])]
    (row,) = compare_curves(points("sparse", [(1, 20), (10, 21)]) + jpeg, ["dense", "sparse"])
    assert row == {"model": "sparse", "against": "JPEG", "at": "bits", "from": 10, "to": 100, "gain": 1}


def test_describe_sizes__names_no_people_who_are_unknown():
    assert describe_sizes(8, 2, 2).startswith("Fitted on 8 faces, judged on 2 others; ")


def test_table__leaves_empty_what_is_not_known():
    row = table([Point("JPEG", None, 214.64, np.array([0.01]))])
    assert row == [{"method": "JPEG", "coefficients": None, "bits": 214.6, "psnr": 20.0}]
