"""What the evidence shows of the faces and codes, and what models that are trained again depend on."""

import joblib
import numpy as np
import pytest
from samples import model_params, params

from sparsefaces.analyze.baselines import Factors
from sparsefaces.analyze.evidence import choose_faces, reconstruct, thin_out
from sparsefaces.analyze.held_out_models import refits
from sparsefaces.base.errors import UserError
from sparsefaces.standardize.dataset import Dataset


def dataset_of(X, shape=(2, 3), train_mask=None):
    train_mask = np.ones(len(X), bool) if train_mask is None else train_mask
    return Dataset(X, np.full(X.shape[1], 0.5, np.float32), 0.25, shape, train_mask)


@pytest.mark.parametrize("train_mask", [lambda n: np.arange(n) == 1, lambda n: np.arange(n) != 1])
def test_choose_faces__refuses_to_leave_none_on_either_side(train_mask):
    data = dataset_of(np.zeros((60, 6), np.float32), train_mask=train_mask(60))
    with pytest.raises(UserError, match="analyze.most_faces leaves .* images that train and .* that are held out: "):
        choose_faces(data, 10)


def test_choose_faces__takes_two_or_more_evenly_spaced(faces):
    data = dataset_of(faces.reshape(60, -1), (6, 5))
    chosen, rows = choose_faces(data, 2)
    assert rows.tolist() == [0, 59]
    assert np.asarray(chosen.X).tolist() == data.X[[0, 59]].tolist()
    assert choose_faces(data, 100)[1].tolist() == list(range(60))


def test_reconstruct__first_faces_with_as_many_components_as_asked():
    rng = np.random.default_rng(0)
    data = dataset_of(rng.uniform(-1, 1, (5, 6)).astype(np.float32))
    W, Z, a = (rng.uniform(-0.3, 0.3, shape).astype(np.float32) for shape in ((4, 6), (5, 4), (6,)))
    factors = {name: Factors(W, Z * times, a) for name, times in (("dense", 1), ("sparse", 0.5), ("PCA", 1))}
    shown = reconstruct(data, factors, ["dense", "sparse"], 3, faces=2)
    assert shown.coefficients == 3
    by_hand = {"dense": Z @ W, "sparse": Z @ W / 2, "PCA": Z[:, :3] @ W[:3]}
    for name, X in by_hand.items():
        pixels = ((X[:2] + a) * 0.25 + 0.5).reshape(2, 2, 3)
        assert shown.rows[name] == pytest.approx(pixels, abs=1e-6)
    assert shown.originals == pytest.approx((data.X[:2] * 0.25 + 0.5).reshape(2, 2, 3), abs=1e-6)
    few, whole = (reconstruct(data, factors, [], coefficients) for coefficients in (0, 9))
    assert (few.coefficients, whole.coefficients) == (1, 4)
    assert len(whole.originals) == len(whole.rows["PCA"]) == 5


def test_thin_out__evenly_spaced_ranks_to_the_shorter_ones_last():
    values = {"dense": np.arange(1000, dtype=np.float32) / 3, "sparse": np.arange(800, dtype=np.float32)}
    rows = thin_out(values)
    ranks = [row["rank"] for row in rows]
    assert (len(rows), ranks[0], ranks[-1]) == (400, 0, 799)
    assert set(np.diff(ranks)) == {2, 3} or set(np.diff(ranks)) == {2}
    assert (rows[1]["sparse"], rows[1]["dense"]) == (ranks[1], float(f"{ranks[1] / 3:.4g}"))
    assert thin_out({"a": np.ones(3, np.float32)}) == [{"rank": rank, "a": 1.0} for rank in range(3)]


def test_refits__are_found_by_the_models_section_params_and_faces(faces):
    X = faces.reshape(60, -1)

    def found_by(X=X, of=(), **changes):
        model = model_params(**{"lambd": 0.5} | dict(of))
        return joblib.hash(refits(X, params(**changes), {"dense": model})["dense"].arguments)

    same = found_by()
    assert same == found_by() == found_by(log_every=7)  # how often it is logged changes no weight
    others = {found_by(X + 1), found_by(X[:50]), found_by(seed=3), found_by(iterations=30)}
    others |= {found_by(of={"lambd": 1.0}), *(found_by(of={"activation": "topk", "k": k}) for k in (2, 3))}
    assert len(others - {same}) == 7


def test_refits__train_with_as_large_a_batch_as_there_are_faces(faces):
    X = faces.reshape(60, -1)[:8]
    job = refits(X, params(batch_size=50, iterations=3), {"sparse": model_params(0.5)})["sparse"]
    assert job.label == "Training sparse again on 8 faces"
    weights = job.make(*job.arguments)
    assert {name: array.shape for name, array in weights.items()} == {"V": (30, 8), "W": (8, 30), "b": (8,), "a": (30,)}
    assert np.abs(weights["W"]).max() > 0
