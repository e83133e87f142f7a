import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from sparsefaces.base.errors import UserError
from sparsefaces.standardize.standardize import measure_scaling

pixels = st.floats(0, 1, width=32)


@settings(max_examples=50)
@given(hnp.arrays(np.float32, st.tuples(st.integers(2, 20), st.integers(1, 4), st.integers(1, 4)), elements=pixels))
def test_standardize__centres_every_pixel_has_unit_scale_and_can_be_undone(faces):
    assume(np.ptp(faces, axis=0).max() > 1e-3)
    scaling = measure_scaling(faces, np.ones(len(faces), bool))
    X, (mean, scale) = scaling.standardize(faces), scaling
    assert X.dtype == np.float32
    assert X.mean(axis=0, dtype=np.float64) == pytest.approx(0, abs=1e-4)
    assert X.std(dtype=np.float64) == pytest.approx(1, rel=1e-4)
    assert X * scale + mean == pytest.approx(faces.reshape(len(faces), -1), abs=1e-5)


def test_measure_scaling__is_of_the_faces_that_train_alone(faces):
    train_mask = np.arange(len(faces)) % 3 > 0
    scaling, same = measure_scaling(faces, train_mask), measure_scaling(faces[train_mask], np.ones(40, bool))
    assert (scaling.mean == same.mean).all()
    assert scaling.scale == same.scale
    assert scaling.standardize(faces)[train_mask].std(dtype=np.float64) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    "broken",
    [
        lambda faces: faces[:1],
        lambda faces: np.repeat(faces[:1], 7, axis=0),
        lambda faces: np.where(np.arange(60)[:, None, None] == 41, np.nan, faces),
        lambda faces: np.where(np.arange(60)[:, None, None] == 3, np.inf, faces),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")  # NumPy's own about infinity less infinity
def test_measure_scaling__unfit_faces_are_an_error_that_says_why(faces, broken):
    unfit = broken(faces)
    with pytest.raises(UserError, match=r"of \d+ images to train on, at least 2 must differ, and all pixels be finite"):
        measure_scaling(unfit, np.ones(len(unfit), bool))
