"""The choice of device and threads: rules, not timings."""

import joblib
import pytest
import torch

from sparsefaces.base.errors import UserError
from sparsefaces.training.device import choose_device, choose_threads


def test_choose_device__missing_one_is_an_error_that_names_the_way_on(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"machine.device is cuda, but torch finds no such device here: set it to cpu"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("cuda") == "cuda"
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("cores", "variable", "threads"),
    [(1, None, 1), (2, None, 2), (4, None, 4), (64, None, 4), (2, "3", 3), (64, "8,2", 8), (2, "0", 2), (2, "x", 2)],
)
def test_choose_threads__auto_is_omp_num_threads_or_the_cores_but_four_at_most(monkeypatch, cores, variable, threads):
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if variable:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert choose_threads("auto") == threads
    assert choose_threads(7) == 7
