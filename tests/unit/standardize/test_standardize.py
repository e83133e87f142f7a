import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from sparsefaces.base.errors import UserError
from sparsefaces.standardize.standardize import standardize

pixels = st.floats(0, 1, width=32)


@settings(max_examples=50)
@given(hnp.arrays(np.float32, st.tuples(st.integers(2, 20), st.integers(1, 4), st.integers(1, 4)), elements=pixels))
def test_standardize__centres_every_pixel_has_unit_scale_and_can_be_undone(faces):
    assume(np.ptp(faces, axis=0).max() > 1e-3)
    X, mean, scale = standardize(faces)
    assert X.dtype == mean.dtype == np.float32
    assert X.mean(axis=0, dtype=np.float64) == pytest.approx(0, abs=1e-4)
    assert X.std(dtype=np.float64) == pytest.approx(1, rel=1e-4)
    assert X * scale + mean == pytest.approx(faces.reshape(len(faces), -1), abs=1e-5)


def test_standardize__equals_the_exercise(faces):
    X = faces.reshape(len(faces), -1)
    X = X - X.mean(axis=0)
    assert pytest.approx(X / X.std(), abs=1e-5) == standardize(faces).X


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda faces: faces[:1], "there is 1 image"),
        (lambda faces: faces[:0], "there is 0 image"),
        (lambda faces: np.repeat(faces[:1], 7, axis=0), "all 7 images are the same"),
        (lambda faces: np.where(np.arange(60)[:, None, None] == 41, np.nan, faces), "the first is row 41"),
        (lambda faces: np.where(np.arange(60)[:, None, None] == 3, np.inf, faces), "the first is row 3"),
    ],
)
def test_standardize__unfit_faces_are_an_error_that_says_why(faces, broken, message):
    with pytest.raises(UserError, match=message):
        standardize(broken(faces))
