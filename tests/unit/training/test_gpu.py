"""On a GPU, if there is one: the results of the CPU within rounding, and the same shapes from step to step."""

import numpy as np
import pytest
import torch
from ranks import data
from samples import model_params, params

from sparsefaces.training.engine import Engine
from sparsefaces.training.loop import fit

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU: torch finds no CUDA device")
PARAMS = params(iterations=200, batch_size=20, learning_rate=1e-3)


@needs_gpu
@pytest.mark.parametrize("lambd", [0.0, 1.0])
def test_fit__on_a_gpu_follows_the_cpu(lambd):
    expected, rows = fit(data(), PARAMS, model_params(lambd))
    model, history = fit(data(), PARAMS, model_params(lambd), device="cuda")
    for mine, theirs in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=2e-3 * np.abs(theirs).max())
    assert [row["step"] for row in history] == [row["step"] for row in rows]


@needs_gpu
def test_fit__on_a_gpu_is_repeated_to_the_bit_and_keeps_its_memory():
    used = []

    def look(step: int, row: object, engine: Engine) -> None:
        used.append(torch.cuda.memory_allocated())

    model, history = fit(data(), PARAMS, model_params(), device="cuda", callbacks=[look])
    again, rows = fit(data(), PARAMS, model_params(), device="cuda")
    assert history == rows
    assert all((a == b).all() for a, b in zip(model.weights, again.weights, strict=True))
    assert len(set(used[1:])) == 1  # static shapes: no step allocates what another does not
