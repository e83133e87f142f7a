"""Several processes train one model as one process does, within rounding.

This file is also the script that starts them, met as torchrun lets them; the first one writes.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from problems import problem
from samples import model_params, params

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import Coefficients
from sparsefaces.training.engine import Engine
from sparsefaces.training.loop import State, fit
from sparsefaces.training.parallel import ONE_PROCESS, Ranks, join

COUNT, LIMIT = 3, 240  # processes; seconds for all of it
ENTROPY = Coefficients(1.0, 1.0, 1.0)  # a hundred times what the exercise gives to what is not linear in the batch


def with_silent_units():
    """Unit 1 is silent, and unit 0 but for the last two faces: other processes' parts are silent on it."""
    X, weights = problem(11)
    weights.b[:2] = torch.tensor([0, -1e6])
    weights.V[:, 0] = torch.eye(5, dtype=torch.float64)[0]
    X[:, 0] = torch.tensor([-1.0] * 9 + [1.0] * 2)
    return X, weights


CASES = {"unequal parts": lambda: problem(7), "a face each": lambda: problem(3), "silent units": with_silent_units}
MODELS = {"relu": {}, "topk": {"lambd": 0.0, "activation": "topk", "k": 5}}


def terms_and_gradients(case, ranks=ONE_PROCESS):
    """Compute the terms of the objective, and the gradient of the loss, on a whole batch."""
    X, weights = CASES[case]()
    engine = Engine(weights, len(X), ENTROPY, 1e-3, ranks=ranks)
    mine = X[ranks.part(len(X))]
    engine.forward(mine)
    engine.backward(mine)
    named = engine.terms()._asdict() | engine.gradients._asdict()
    return {name: tensor.numpy().copy() for name, tensor in named.items()} | {"l0": np.float64(engine.active_units())}


def trained(model, ranks=ONE_PROCESS):
    """Train as a stage does; of several processes, the first alone knows of a checkpoint, from which they go on."""
    X = np.random.default_rng(0).standard_normal((150, 60)).astype(np.float32)
    sizes, rows, states = params(iterations=12, batch_size=20, learning_rate=1e-3), [], []

    def look(step, row, engine):
        rows.extend([row] if row else [])
        states.append(State(step + 1, {name: tensor.clone() for name, tensor in engine.state().items()}, list(rows)))

    if ranks.rank == 0:
        alone, history = fit(X, sizes, model_params(**MODELS[model]), callbacks=[look])
    if ranks.count > 1:
        start = states[4] if ranks.rank == 0 else None
        alone, history = fit(X, sizes, model_params(**MODELS[model]), start=start, ranks=ranks)
    return alone.weights._asdict() | {name: np.array([row[name] for row in history]) for name in history[0]}


def compute(rank, folder):
    """Compute everything, as one of the processes."""
    signal.alarm(LIMIT)  # the kernel ends a process that waits for ever
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    with join(SimpleNamespace(device="cpu")) as ranks:
        found = {case: terms_and_gradients(case, ranks) for case in CASES}
        found |= {model: trained(model, ranks) for model in MODELS}
        found["broadcast"] = {"ranks": np.array([ranks.rank, ranks.count, ranks.broadcast(rank + 7)])}
        for name, arrays in found.items():
            np.savez(folder / f"{name} {rank}.npz", **arrays)


def compute_together(folder):
    """Start the processes, forked, so that torch is imported once; nothing has used its threads yet."""
    store = dist.TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    met_by = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    os.environ |= met_by | {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": str(COUNT), "OMP_NUM_THREADS": "1"}
    processes = [multiprocessing.get_context("fork").Process(target=compute, args=(i, folder)) for i in range(COUNT)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return max(abs(process.exitcode) for process in processes)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What each of three processes computed, by name."""
    folder = tmp_path_factory.mktemp("ranks")
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, __file__, folder], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return lambda name: [dict(np.load(folder / f"{name} {rank}.npz")) for rank in range(COUNT)]


def test_join__gives_each_process_its_number_and_broadcast_the_firsts_value(together):
    assert [found["ranks"].tolist() for found in together("broadcast")] == [[0, 3, 7], [1, 3, 7], [2, 3, 7]]


@pytest.mark.parametrize("case", CASES)
def test_engine__of_several_processes_has_the_terms_and_gradients_of_the_whole_batch(together, case):
    expected = terms_and_gradients(case)
    for found in together(case):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            largest = np.abs(value).max() if np.isfinite(value).all() else 1
            np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-12 * largest, err_msg=name)


@pytest.mark.parametrize("model", MODELS)
def test_fit__of_several_processes_goes_on_from_the_firsts_checkpoint_as_one_process_does(together, model):
    expected = trained(model)
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


if __name__ == "__main__":
    sys.exit(compute_together(Path(sys.argv[1])))
