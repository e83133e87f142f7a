import numpy as np
import pytest
from problems import problem

from sparsefaces import get_objective_terms


def test_terms__equal_the_formulas_written_out_in_loops():
    X, (V, W, b, a) = problem(7)
    b = b + 1  # every unit is active on some face
    rec = spa = 0.0
    activity = np.zeros(4)
    for x in X:
        z = [max(0.0, float(x @ V[:, j] + b[j])) for j in range(4)]
        xhat = [sum(z[j] * float(W[j, p]) for j in range(4)) + float(a[p]) for p in range(5)]
        rec += sum((float(x[p]) - xhat[p]) ** 2 for p in range(5)) / 7
        spa += sum(z) / 7
        activity += np.array(z) / 7
    expected = (rec, spa, (1 / activity).sum(), float((W**2).sum()))
    assert [float(term) for term in get_objective_terms(X, V, W, b, a)] == pytest.approx(expected)
