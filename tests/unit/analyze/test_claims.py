"""Verdicts: they follow the numbers, whichever way these come out."""

import numpy as np
import pytest

from sparsefaces.analyze.baselines import fit_dictionary, fit_nmf, fit_pca
from sparsefaces.analyze.bootstrap import difference_of_medians, paired_difference
from sparsefaces.analyze.claims import LOCALITY, judge_claims, models_of
from sparsefaces.analyze.compression import HeldOut, Point
from sparsefaces.analyze.methods import Measured, measure, pixel_variance, summarize
from sparsefaces.metrics import METRICS
from sparsefaces.standardize.dataset import Dataset

KEYS = ("near_zero", "hoyer", "gini", "treves_rolls", "mse")


def model(seed=0, *, codes=0.5, mse=0.01, spread=1.0, window=0.2, null=(1.0, 0.1), units=200):
    rng = np.random.default_rng(seed)
    faces = {key: codes + 0.05 * rng.standard_normal(300) for key in KEYS}
    faces["mse"] = mse * rng.uniform(0.5, 1.5, 300)
    filters = {"effective_area": spread / 3, "spatial_spread": spread, "window_energy": window}
    filters |= {"inner_area": spread / 3, "inner_spread": spread, "inner_window": window}
    return Measured(
        faces,
        {key: value + 0.05 * rng.standard_normal(units) for key, value in filters.items()},
        {"spatial_spread": null[0], "window_energy": null[1]},
    )


PEOPLE = np.arange(300, dtype=np.int32) // 3


def left(mse, few):
    """What a model leaves of a hundred faces of people held out, by its whole code and by twenty units."""
    rng = np.random.default_rng(5)
    errors = mse * rng.uniform(0.5, 1.5, 100)
    kept = [(20, Point("any", 20, 200, few * rng.uniform(0.5, 1.5, 100)))] if few else []
    return HeldOut(errors, kept, PEOPLE[:100], 0.1)


def judge(dense, sparse, few=(0.02, 0.01), mse=(0.01, 0.03)):
    held_out = {name: left(*of) for name, *of in zip(("dense", "sparse"), mse, few, strict=True)}
    rows = judge_claims({"dense": dense, "sparse": sparse}, PEOPLE, held_out)
    return {row["measure"]: row for row in rows}


def test_claims__each_model_is_held_against_the_first_alone():
    models = {name: model() for name in ("plain", "one", "other")}
    rows = judge_claims(models, PEOPLE, dict.fromkeys(models, left(0.01, None)))
    half = len(rows) // 2
    assert [models_of(row) for row in rows] == [["plain", "one"]] * half + [["plain", "other"]] * half
    assert rows[0]["claim"] == "The one code has far more activations near zero."
    assert judge_claims({"plain": model()}, PEOPLE, {}) == []


def test_claims__hold_or_do_not_as_the_numbers_say_and_are_not_decided_between_equals():
    sparse = model(1, codes=0.8, mse=0.03, spread=0.6, window=0.4)
    sparse.faces["treves_rolls"] -= 0.6  # less is sparser
    rows = judge(model(), sparse)
    assert {row["verdict"] for row in rows.values()} == {"holds"}
    for row in rows.values():
        assert row["interval"][0] <= row["difference"] <= row["interval"][1]
        assert row["difference"] == pytest.approx(row["sparse"] - row["dense"], abs=0.01)
    turned = judge(sparse, model(), few=(0.01, 0.02), mse=(0.03, 0.01))
    assert {row["verdict"] for row in turned.values()} == {"does not hold"}
    same = judge(model(), model(), few=(0.01, 0.01), mse=(0.01, 0.01))
    assert {row["verdict"] for row in same.values()} == {"not decided"}


def test_claims__more_locality_than_the_null_shows_is_needed():
    # The sparse filters' energy is in fewer pixels, so that any window holds more of it, shuffled or not.
    rows = judge(model(window=0.2, null=(1, 0.1)), model(1, window=0.4, null=(1, 0.5)))
    row = rows["energy of a filter in its best 9 x 9 window, share"]
    assert row["claim"] == LOCALITY.format("sparse")
    assert row["interval"][0] > 0
    assert row["verdict"] == "does not hold"
    assert row["null"] == {"dense": 0.1, "sparse": 0.5}


def test_claims__model_without_filters_leaves_locality_undecided():
    empty = model(units=0)._replace(null={"spatial_spread": None, "window_energy": None})
    row = judge(empty, model())["spatial spread of a filter, relative to a uniform one"]
    assert (row["dense"], row["interval"], row["verdict"]) == (None, None, "not decided")


def test_paired_difference__is_less_certain_if_the_faces_are_of_few_people():
    rng = np.random.default_rng(0)
    gains = np.repeat(rng.standard_normal(30), 20)  # a person's faces gain alike

    def width(people):
        estimate = paired_difference(np.zeros(600), gains, people, np.asarray)
        assert estimate.value == pytest.approx(gains.mean())
        return estimate.high - estimate.low

    assert width(np.arange(600) // 20) > 3 * width(np.arange(600))


@pytest.mark.filterwarnings("ignore:Objective did not converge")
@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
def test_baselines__are_as_many_as_asked_where_faces_allow_and_reconstruct_them():
    rng = np.random.default_rng(0)
    faces = rng.random((25, 42)).astype(np.float32)
    mean, scale = faces.mean(axis=0), float(faces.std())
    data = Dataset((faces - mean) / np.float32(scale), mean, scale, (6, 7), np.ones(len(faces), bool))
    for fit, components in ((fit_pca, 24), (fit_nmf, 30), (fit_dictionary, 30)):
        factors = fit(data, 30)  # more than faces
        assert (len(factors.components), factors.codes.shape) == (components, (25, components))
        measured = measure(factors, data)
        assert measured.faces["mse"].mean() < pixel_variance(data)
        assert set(summarize({"one": measured}, data)[0]) - {"method", "null"} <= set(METRICS)
    pca = fit_pca(data, 30)
    exact = summarize({"PCA": measure(pca, data)}, data)[0]
    assert (exact["psnr"], exact["explained_variance"]) == (None, 1.0)  # rounding is no result
    few = pca._replace(codes=pca.codes * (np.arange(24) < 3))
    errors = np.square((few.codes @ few.components + few.offset) * scale + mean - faces).mean(axis=1, dtype=np.float64)
    measured = measure(few, data)
    assert measured.faces["mse"] == pytest.approx(errors, rel=1e-3)
    row, error = summarize({"few": measured}, data)[0], errors.mean()
    assert row["method"] == "few"
    assert row["psnr"] == pytest.approx(-10 * np.log10(error), rel=1e-3)
    assert row["explained_variance"] == pytest.approx(1 - error / faces.var(axis=0, dtype=np.float64).mean(), rel=1e-3)
    assert row["l0"] == 3


@pytest.mark.parametrize(("shape", "measured"), [((9, 9), False), ((6, 10), True)])
def test_claims__a_window_that_covers_the_image_is_no_measure(shape, measured):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, shape[0] * shape[1])).astype(np.float32)
    data = Dataset(X, np.zeros(X.shape[1], np.float32), 0.1, shape, np.ones(30, bool))
    method = measure(fit_pca(data, 5), data)
    rows = judge_claims({"a": method, "b": method}, PEOPLE[:30], dict.fromkeys("ab", left(0.01, None)))
    assert any("9 x 9" in row["measure"] for row in rows) == measured
    assert ("window_energy" in summarize({"PCA": method}, data)[0]) == measured


def test_difference_of_medians__has_an_interval_about_it_that_is_wider_for_fewer_units():
    def width(units):
        values = np.linspace(0, 1, units)
        estimate = difference_of_medians(values, values + 1)
        assert estimate.value == pytest.approx(1)
        assert estimate.low < 1 < estimate.high
        return estimate.high - estimate.low

    assert width(10) > 2 * width(400)
