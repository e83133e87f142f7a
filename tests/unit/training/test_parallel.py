"""Several processes train one model as one process does, within rounding."""

import multiprocessing
import sys
from itertools import chain

import numpy as np
import pytest
import ranks
from gates import DEADLINE
from samples import params

from sparsefaces.base.errors import UserError
from sparsefaces.training.loop import fit
from sparsefaces.training.parallel import ALONE, Ranks, join


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The folder in which groups of 2, 3 and 4 processes left what they computed."""
    folder = tmp_path_factory.mktemp("ranks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        process = multiprocessing.get_context("spawn").Process(target=ranks.main, args=(folder,))
        process.start()
    process.join(DEADLINE)
    assert process.exitcode == 0
    return folder


@pytest.fixture
def together(results):
    """What they computed, by name, number and way to exchange gradients."""
    return lambda *names: dict(np.load(results / f"{' '.join(map(str, names))}.npz"))


@pytest.mark.parametrize("way", ranks.WAYS)
@pytest.mark.parametrize("count", ranks.COUNTS)
@pytest.mark.parametrize("case", ranks.CASES)
def test_engine__of_several_processes_has_the_terms_and_gradients_of_the_whole_batch(together, case, count, way):
    expected = ranks.terms_and_gradients(case)
    found = together(case, count, way)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        largest = np.abs(value).max() if np.isfinite(value).all() else 1
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-12 * largest, err_msg=name)


def test_engine__averaging_gradients_of_parts_would_be_wrong():
    """The cases would notice it: ent is not linear in the batch."""
    X, weights = ranks.CASES["equal parts"]()
    whole = ranks.terms_and_gradients("equal parts")
    halves = []
    for part in (X[:6], X[6:]):
        engine = ranks.Engine(weights, 6, ranks.ENTROPY, 1e-3)
        engine.forward(part)
        engine.backward(part)
        halves.append(engine.gradients().V.numpy().copy())
    assert np.abs(np.mean(halves, axis=0) - whole["V"]).max() > 0.01 * np.abs(whole["V"]).max()


@pytest.mark.parametrize("way", ranks.WAYS)
@pytest.mark.parametrize("count", ranks.COUNTS)
@pytest.mark.parametrize(("name", "bound"), [("trajectory", 1e-9), ("trained", 2e-3)])
def test_fit__of_several_processes_follows_the_one_process(together, name, bound, count, way):
    """Some steps, relative to each tensor's largest entry, in float64 and, as stages train, in float32."""
    expected = getattr(ranks, name)()
    for key, value in together(name, count, way).items():
        if key in ("l0", "silent_units"):  # an activation that is nearly zero may fall on either side
            continue
        np.testing.assert_allclose(value, expected[key], rtol=0, atol=bound * np.abs(expected[key]).max(), err_msg=key)


@pytest.mark.parametrize("count", ranks.COUNTS)
def test_open_exchange__shares_memory_if_every_process_can_map_it(together, count):
    ways = (*ranks.WAYS, ranks.ANOTHER_MACHINE)
    kinds = [str(together("exchange", count, way)["name"]) for way in ways]
    assert kinds == ["Shards" if sys.platform == "linux" else "Replicas", "Replicas", "Replicas"]


def test_open_exchange__leaves_no_file(results):
    assert list((results / ranks.MEMORY).iterdir()) == []


@pytest.mark.parametrize("size", [4, 7, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_part__of_all_processes_are_the_batch_in_order(size, count):
    parts = [list(range(size)[Ranks(rank, count).part(size)]) for rank in range(count)]
    assert list(chain(*parts)) == list(range(size))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_fit__refuses_more_processes_than_faces_of_a_batch():
    with pytest.raises(UserError, match=r"11 processes cannot share batches of 10 faces: lower machine\.processes"):
        fit(ranks.data(), params(batch_size=10), 1.0, ranks=Ranks(0, 11))


def test_join__without_torchrun_is_alone_whatever_a_cluster_left_in_the_environment(monkeypatch):
    for name, value in {"RANK": "1", "WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with join(None, {}, 0) as found:
        assert found is ALONE
