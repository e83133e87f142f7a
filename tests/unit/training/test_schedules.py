"""The learning rate over a training, held to torch's own schedulers."""

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR

from sparsefaces.training.schedules import learning_rate

SCHEDULERS = {
    "linear": lambda optimizer, n: LinearLR(optimizer, start_factor=1, end_factor=0, total_iters=n),
    "cosine": lambda optimizer, n: CosineAnnealingLR(optimizer, T_max=n),
}


@pytest.mark.parametrize("schedule", SCHEDULERS)
@pytest.mark.parametrize("iterations", [1, 2, 57])
def test_learning_rate__is_that_of_torchs_scheduler_at_every_step(schedule, iterations):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.3)
    scheduler = SCHEDULERS[schedule](optimizer, iterations)
    for step in range(iterations):
        assert learning_rate(0.3, schedule, step, iterations) == pytest.approx(scheduler.get_last_lr()[0])
        assert learning_rate(0.3, schedule, step, iterations) > 0
        optimizer.step()
        scheduler.step()


def test_learning_rate__constant_is_the_very_number_of_params_yaml():
    assert {learning_rate(1.0e-4, "constant", step, 10_001) for step in range(0, 10_001, 100)} == {1.0e-4}
