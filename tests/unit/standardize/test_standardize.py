import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings
from samples import standardized

from sparsefaces.base import progress
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


@settings(max_examples=50)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(2, 40), st.integers(1, 4), st.integers(2, 4)), elements=pixels),
    st.integers(1, 100),
    st.data(),
)
def test_measure_scaling__does_not_depend_on_the_parts_that_are_read_at_a_time(faces, values, data):
    trains = data.draw(hnp.arrays(bool, len(faces)))
    assume(trains.sum() > 1 and np.ptp(faces[trains], axis=0).max() > 1e-3)
    with pytest.MonkeyPatch.context() as patch:
        whole = measure_scaling(faces, trains)
        patch.setattr(progress, "VALUES_OF_A_PART", values)
        in_parts = measure_scaling(faces, trains)
    assert (whole.mean == in_parts.mean).all()
    assert whole.scale == in_parts.scale
    # The last bit of float32 is that of sums over the whole array, as the exercise writes them.
    centred = faces.reshape(len(faces), -1) - faces[trains].reshape(trains.sum(), -1).mean(axis=0, dtype=np.float64)
    scale = np.sqrt(np.square(centred[trains]).mean())
    np.testing.assert_array_max_ulp(whole.standardize(faces), (centred / scale).astype(np.float32), maxulp=1)
    np.testing.assert_array_max_ulp(np.float32(whole.scale), np.float32(scale), maxulp=1)


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
        standardized(broken(faces))
