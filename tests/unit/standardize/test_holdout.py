"""People held out from training: they change nothing, and are reported beside the others."""

import pickle

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from samples import params, standardized

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import Coefficients
from sparsefaces.standardize.rows import Rows
from sparsefaces.standardize.split import count_people, split_people
from sparsefaces.standardize.standardize import measure_scaling
from sparsefaces.training import batches
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


@pytest.mark.parametrize(("people", "share"), [([0, 1, 2], 0.0), ([4], 0.5)])
def test_split_people__without_a_share_or_with_one_face_all_train(people, share):
    assert split_people(np.array(people, np.int32), share).all()


def test_standardize__faces_held_out_have_no_influence_on_the_others(faces):
    trains = np.arange(60) % 5 > 0
    first = measure_scaling(faces, trains)
    others = np.where(trains[:, None, None], faces, 1 - faces)
    second = measure_scaling(others, trains)
    assert (first.mean == second.mean).all()
    assert first.scale == second.scale
    assert first.standardize(faces)[trains] == pytest.approx(standardized(faces[trains]), abs=1e-6)


def test_standardize__one_face_left_to_train_on_is_an_error(faces):
    with pytest.raises(UserError, match="there is 1 image to train on"):
        measure_scaling(faces, np.arange(60) == 3)


def test_fit__on_some_rows_of_a_map_is_that_on_a_copy_of_them(faces, tmp_path):
    np.save(tmp_path / "X.npy", standardized(faces))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    rows = np.flatnonzero(np.arange(60) % 3)
    weights, history = fit(Rows(X, rows), params(), 1.0)
    copied, same = fit(np.array(X[rows]), params(), 1.0)
    assert history == same
    assert all((a == b).all() for a, b in zip(weights, copied, strict=True))
    terms = Coefficients(1.0, 0.01, 1.0)
    assert evaluate(Rows(X, rows), weights, terms) == evaluate(np.array(X[rows]), weights, terms)


def test_fit__on_a_map_that_is_announced_to_the_system_is_that_on_memory(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "SHARE_IN_MEMORY", 0)
    np.save(tmp_path / "X.npy", standardized(faces))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    weights, history = fit(X, params(), 1.0)
    copied, same = fit(np.array(X), params(), 1.0)
    assert history == same
    assert all((a == b).all() for a, b in zip(weights, copied, strict=True))


def test_rows__of_a_map_travel_as_their_files_name_and_others_whole(faces, tmp_path):
    np.save(tmp_path / "X.npy", standardized(np.repeat(faces, 100, axis=0)))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    rows = np.arange(0, 60, 7)
    for array, small in ((X, True), (np.array(X), False), (X[10:], False)):
        packed = pickle.dumps(Rows(Rows(array, np.arange(100)), rows))
        assert (np.asarray(pickle.loads(packed)) == array[rows]).all()
        assert (len(packed) < 2000) == small


def test_fit__batch_larger_than_the_rows_that_train_is_an_error(faces):
    with pytest.raises(UserError, match=r"train.batch_size is 10, but there are 9 faces"):
        fit(Rows(standardized(faces), np.arange(9)), params(), 0.0)
