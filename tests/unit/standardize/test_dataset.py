"""What standardize leaves, and what later stages choose of it."""

import numpy as np
import pytest

from sparsefaces.standardize.dataset import load_dataset, save_standardized
from sparsefaces.standardize.standardize import measure_scaling


@pytest.fixture
def saved(in_tmp, faces):
    """Sixty faces of 6 x 5 pixels as standardize leaves them, all of which train."""
    train_mask = np.ones(len(faces), bool)
    save_standardized(faces, measure_scaling(faces, train_mask), train_mask)
    return load_dataset()


def test_load_dataset__finds_what_was_saved(in_tmp, faces, capsys):
    train_mask = np.arange(len(faces)) % 3 > 0
    scaling = measure_scaling(faces, train_mask)
    save_standardized(faces, scaling, train_mask)
    said = f"60 faces standardised; scale {scaling.scale:.5f}\n20 of them are held out"
    assert capsys.readouterr().out.startswith(said)
    data = load_dataset()
    np.testing.assert_array_equal(data.X, scaling.standardize(faces))
    np.testing.assert_array_equal(data.train_mask, train_mask)
    np.testing.assert_array_equal(data.mean, scaling.mean.astype(np.float32))
    assert (data.scale, data.shape) == (np.float32(scaling.scale), (6, 5))


def test_dataset__parts_the_faces_that_train_from_those_held_out(saved):
    train_mask = np.arange(len(saved.X)) % 3 > 0
    data = saved._replace(train_mask=train_mask)
    np.testing.assert_array_equal(data.training, saved.X[train_mask])
    np.testing.assert_array_equal(data.held_out, saved.X[~train_mask])
    assert saved.held_out is None
    assert saved.training is saved.X


def test_thinned_out__leaves_evenly_spaced_faces_with_what_is_known_of_them(saved):
    data = saved._replace(train_mask=np.arange(len(saved.X)) % 3 > 0)
    few, rows = data.thinned_out(10)
    assert rows.tolist() == [0, 7, 13, 20, 26, 33, 39, 46, 52, 59]
    np.testing.assert_array_equal(few.X, data.X[rows])
    np.testing.assert_array_equal(few.train_mask, data.train_mask[rows])
    np.testing.assert_array_equal(few.training_part().X, data.X[rows[data.train_mask[rows]]])
    assert few.training_part().train_mask.all()
    for most in (60, 100):
        whole, rows = data.thinned_out(most)
        assert whole.X is data.X
        assert rows.tolist() == list(range(60))


def test_to_pixels__undoes_standardize_and_images_are_cut_off(saved, faces):
    assert saved.to_pixels(saved.X[:7]) == pytest.approx(faces[:7], abs=1e-6)
    assert saved.to_pixels(saved.X[:1] + 9).max() > 1
    assert 0 == saved.to_images(saved.X[:1] - 90).max() < saved.to_images(saved.X[:1] + 90).min() == 1
