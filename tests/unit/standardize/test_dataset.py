"""What standardize left is checked before anything trains on it: a script that is run by hand gets one message."""

import numpy as np
import pytest

from sparsefaces.base.errors import UserError
from sparsefaces.base.files import write_array, write_arrays
from sparsefaces.standardize.dataset import STANDARDIZE, load_dataset, save_standardized
from sparsefaces.standardize.standardize import measure_scaling


@pytest.fixture
def saved(in_tmp, faces):
    trains = np.ones(len(faces), bool)
    save_standardized(faces, measure_scaling(faces, trains), trains)
    return load_dataset()


def test_thinned_out__leaves_evenly_spaced_faces_with_what_is_known_of_them(saved):
    data = saved._replace(trains=np.arange(len(saved.X)) % 3 > 0)
    few, rows = data.thinned_out(10)
    assert len(rows) == len(few.X) == len(few.trains) == 10
    assert set(np.diff(rows)) <= {6, 7}
    np.testing.assert_array_equal(few.X[:], data.X[rows])
    np.testing.assert_array_equal(few.training_part().X[:], data.X[rows[data.trains[rows]]])
    whole, rows = data.thinned_out(100)
    assert whole.X is data.X
    assert rows.tolist() == list(range(len(data.X)))


def test_to_pixels__undoes_standardize_and_images_are_cut_off(saved, faces):
    assert saved.to_pixels(saved.X[:7]) == pytest.approx(faces[:7], abs=1e-6)
    assert saved.to_pixels(saved.X[:1] + 9).max() > 1
    assert 0 == saved.to_images(saved.X[:1] - 90).max() < saved.to_images(saved.X[:1] + 90).min() == 1


def test_rows__are_the_faces_chosen_and_the_held_out_are_the_others(saved):
    trains = np.arange(len(saved.X)) % 3 > 0
    data = saved._replace(trains=trains)
    np.testing.assert_array_equal(np.asarray(data.training[:]), saved.X[trains])
    np.testing.assert_array_equal(np.asarray(data.held_out[:]), saved.X[~trains])
    assert saved.held_out is None
    assert saved.training is saved.X


def with_value(X, value):
    X = np.array(X)
    X[7, 3] = value
    return X


NO_FIT = "scaling.npz has no mean, scale and size that fit X.npy's 30 pixels"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: {"X": with_value(data.X, np.nan)}, "X.npy has images that are not numbers"),
        (lambda data: {"X": with_value(data.X, np.inf)}, "X.npy has images that are not numbers"),
        (lambda data: {"X": np.zeros_like(data.X)}, "or nothing but zeros"),
        (lambda data: {"X": np.array(data.X[:, :29])}, "that fit X.npy's 29 pixels"),
        (lambda data: {"X": np.array(data.X[:10])}, "split.npy is of 60 images, X.npy of 10"),
        (lambda data: {"X": np.array(data.X[0])}, "X.npy does not hold a float32 array of 2 dimensions"),
        (lambda data: {"trains": np.zeros(len(data.X), bool)}, "split.npy leaves 0 images to train on"),
        (lambda data: {"trains": np.arange(len(data.X)) == 3}, "split.npy leaves 1 images to train on"),
        (lambda data: {"scale": 0.0}, NO_FIT),
        (lambda data: {"scale": -1.0}, NO_FIT),
        (lambda data: {"scale": np.nan}, NO_FIT),
        (lambda data: {"scale": "x"}, NO_FIT),
        (lambda data: {"mean": with_value(data.mean[None].repeat(8, 0), np.nan)[7]}, NO_FIT),
        (lambda data: {"mean": data.mean[:5]}, NO_FIT),
        (lambda data: {"scale": np.ones(1)}, NO_FIT),
        (lambda data: {"shape": (5, 7)}, NO_FIT),
        (lambda data: {"shape": (30.0, np.inf)}, NO_FIT),
        (lambda data: {"shape": (-6, -5)}, NO_FIT),
    ],
)
def test_load_dataset__refuses_what_does_not_fit_or_is_no_number(saved, change, message):
    data = saved._replace(**change(saved))
    write_array(STANDARDIZE / "X.npy", data.X)
    write_array(STANDARDIZE / "split.npy", data.trains)
    values = {"mean": data.mean, "scale": data.scale, "height": data.shape[0], "width": data.shape[1]}
    write_arrays(STANDARDIZE / "scaling.npz", {name: np.asarray(value) for name, value in values.items()})
    with pytest.raises(UserError, match=message) as error:
        load_dataset()
    assert "`dvc repro" in str(error.value)
