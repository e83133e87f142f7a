"""Several processes train one model as one process does, within rounding."""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import ranks
from samples import model_params, params

from sparsefaces.base.errors import UserError
from sparsefaces.training.loop import fit
from sparsefaces.training.parallel import ALONE, Ranks, join


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What groups of 2, 3 and 4 processes computed, by name and number; started by one that has not used threads."""
    folder = tmp_path_factory.mktemp("ranks")
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    command = [sys.executable, "-c", "import sys, pathlib, ranks; ranks.main(pathlib.Path(sys.argv[1]))", str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=2 * ranks.LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    return lambda name, count: dict(np.load(folder / f"{name} {count}.npz"))


@pytest.mark.parametrize("count", ranks.COUNTS)
@pytest.mark.parametrize("case", ranks.CASES)
def test_engine__of_several_processes_has_the_terms_and_gradients_of_the_whole_batch(together, case, count):
    expected = ranks.terms_and_gradients(case)
    found = together(case, count)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        largest = np.abs(value).max() if np.isfinite(value).all() else 1
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-12 * largest, err_msg=name)


@pytest.mark.parametrize("count", ranks.COUNTS)
@pytest.mark.parametrize(("name", "bound"), [("trajectory", 1e-9), ("trained", 2e-3), ("trained_topk", 2e-3)])
def test_fit__of_several_processes_follows_the_one_process(together, name, bound, count):
    """Some steps, relative to each tensor's largest entry, in float64 and, as stages train, in float32."""
    expected = getattr(ranks, name)()
    for key, value in together(name, count).items():
        if key in ("l0", "silent_units"):  # an activation that is nearly zero may fall on either side
            continue
        np.testing.assert_allclose(value, expected[key], rtol=0, atol=bound * np.abs(expected[key]).max(), err_msg=key)


@pytest.mark.parametrize("size", [4, 7, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_part__of_all_processes_are_the_batch_in_order(size, count):
    parts = [list(range(size)[Ranks(rank, count).part(size)]) for rank in range(count)]
    assert list(chain(*parts)) == list(range(size))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_fit__refuses_more_processes_than_faces_of_a_batch():
    with pytest.raises(UserError, match=r"11 processes cannot share batches of 10 images: start fewer of them"):
        fit(ranks.data(), params(batch_size=10), model_params(), ranks=Ranks(0, 11))


def test_join__without_torchrun_is_alone(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with join(None, {}, 0) as found:
        assert found is ALONE
