"""Several processes train one model as one process does, within rounding."""

import os
import subprocess
import sys

import numpy as np
import pytest
import ranks
from samples import model_params, params

from sparsefaces.base.errors import UserError
from sparsefaces.training.loop import fit
from sparsefaces.training.parallel import ONE_PROCESS, Ranks, join


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What each of three processes computed, by name."""
    folder = tmp_path_factory.mktemp("ranks")
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, ranks.__file__, folder], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return lambda name: [dict(np.load(folder / f"{name} {rank}.npz")) for rank in range(ranks.COUNT)]


def test_join__gives_each_process_its_number_and_broadcast_the_firsts_value(together):
    assert [found["ranks"].tolist() for found in together("broadcast")] == [[0, 3, 7], [1, 3, 7], [2, 3, 7]]


@pytest.mark.parametrize("case", ranks.CASES)
def test_engine__of_several_processes_has_the_terms_and_gradients_of_the_whole_batch(together, case):
    expected = ranks.terms_and_gradients(case)
    for found in together(case):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            largest = np.abs(value).max() if np.isfinite(value).all() else 1
            np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-12 * largest, err_msg=name)


@pytest.mark.parametrize("model", ranks.MODELS)
def test_fit__of_several_processes_goes_on_from_the_firsts_checkpoint_as_one_process_does(together, model):
    expected = ranks.trained(model)
    for found in together(model):
        for name, value in expected.items():
            if name not in ("l0", "silent_units"):  # an activation that is nearly zero may fall on either side
                bound = 2e-3 * np.abs(value).max()
                np.testing.assert_allclose(found[name], value, rtol=0, atol=bound, err_msg=name)


def test_fit__refuses_more_processes_than_faces_of_a_batch():
    with pytest.raises(UserError, match=r"11 processes cannot share batches of 10 images: start fewer of them"):
        fit(np.zeros((20, 6), np.float32), params(batch_size=10), model_params(), ranks=Ranks(0, 11))


def test_join__without_torchrun_is_alone(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "4")  # as clusters set it
    with join(None) as found:
        assert found is ONE_PROCESS
        assert found.broadcast("own") == "own"
