"""Which faces are compared, of more than analyze.most_faces."""

import numpy as np
import pytest

from sparsefaces.analyze.evidence import choose_faces
from sparsefaces.base.errors import UserError
from sparsefaces.standardize.dataset import Dataset


@pytest.mark.parametrize("trains", [lambda n: np.arange(n) == 1, lambda n: np.arange(n) != 1])
def test_choose_faces__refuses_to_leave_none_on_either_side(trains):
    data = Dataset(np.zeros((60, 6), np.float32), np.zeros(6, np.float32), 1.0, (2, 3), trains(60))
    with pytest.raises(
        UserError, match="analyze.most_faces leaves .* faces that train and .* that are held out: raise"
    ):
        choose_faces(data, 10)
