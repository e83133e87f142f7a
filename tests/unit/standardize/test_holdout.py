"""People held out from training: they change nothing, and are reported beside the others."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from samples import model_params, params, standardized

from sparsefaces.base.params import Coefficients
from sparsefaces.standardize.rows import Rows
from sparsefaces.standardize.split import count_people, split_people
from sparsefaces.training.evaluate import evaluate
from sparsefaces.training.loop import fit

PEOPLE = hnp.arrays(np.int32, st.integers(2, 40), elements=st.integers(0, 6))


@settings(max_examples=50)
@given(PEOPLE, st.floats(0.01, 0.99))
def test_split_people__parts_people_and_leaves_someone_on_either_side(people, share):
    trains = split_people(people, share)
    assert (split_people(people, share) == trains).all()
    assert 0 < trains.sum() < len(people)
    if len(set(people)) > 1:
        assert not set(people[trains]) & set(people[~trains])
        assert count_people(people, trains) + count_people(people, ~trains) == len(set(people))
        assert abs(count_people(people, ~trains) - min(max(share * len(set(people)), 1), len(set(people)) - 1)) <= 0.5


@pytest.mark.parametrize(("people", "share"), [([0, 1, 2], 0.0), ([4], 0.5)])
def test_split_people__without_a_share_or_with_one_face_all_train(people, share):
    assert split_people(np.array(people, np.int32), share).all()


def test_fit__on_some_rows_of_a_map_is_that_on_a_copy_of_them(faces, tmp_path):
    np.save(tmp_path / "X.npy", standardized(faces))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    rows = np.flatnonzero(np.arange(60) % 3)
    model, history = fit(Rows(X, rows), params(), model_params())
    copied, same = fit(np.array(X[rows]), params(), model_params())
    assert history == same
    assert all((a == b).all() for a, b in zip(model.weights, copied.weights, strict=True))
    terms = Coefficients(1.0, 0.01, 1.0)
    assert evaluate(Rows(X, rows), model, terms) == evaluate(np.array(X[rows]), model, terms)


def kind(rows):
    return type(rows._array).__name__, np.asarray(rows)


def test_rows__of_a_map_are_mapped_by_another_process_too(faces, tmp_path):
    np.save(tmp_path / "X.npy", standardized(faces))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    rows = np.arange(0, 60, 7)
    jobs = [joblib.delayed(kind)(Rows(Rows(X, np.arange(60)), rows)) for _ in range(2)]
    for name, arrived in joblib.Parallel(n_jobs=2, max_nbytes=None)(jobs):
        assert name == "memmap"
        assert (arrived == X[rows]).all()
