"""The choice of device and threads, with clocks and devices that tests control."""

import ctypes
import platform
import resource
from types import SimpleNamespace

import psutil
import pytest
import torch

from sparsefaces.base.errors import UserError
from sparsefaces.training import device as machine
from sparsefaces.training.device import (
    AutoThreads,
    choose_device,
    fastest,
    keep_freed_memory,
    thread_counts,
)

PERIOD = machine.STEPS_PER_TURN * machine.TURNS * 2 + machine.STEPS_BETWEEN_TRIALS


class Clock:
    """Steps that take so many seconds by the number of threads that torch was told to use."""

    def __init__(self, monkeypatch, seconds):
        self.seconds, self.now, self.threads = seconds, 0.0, []
        monkeypatch.setattr(machine.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(torch, "set_num_threads", lambda count: setattr(self, "set", count))

    def run(self, auto, steps):
        for step in range(steps):
            self.threads.append(self.set)
            self.now += self.seconds[self.set] + (1.0 if step % 7 == 0 else 0.0)  # now and then something else
            auto.on_step(step, None, None)


def test_auto_threads__goes_on_with_the_fastest_after_its_trial(monkeypatch):
    clock = Clock(monkeypatch, {1: 4.0, 2: 3.0})
    clock.run(AutoThreads([1, 2]), PERIOD)
    trial = machine.STEPS_PER_TURN * machine.TURNS * 2
    assert set(clock.threads[:trial]) == {1, 2}
    assert set(clock.threads[trial:]) == {2}


def test_auto_threads__keeps_one_where_more_gain_little(monkeypatch):
    clock = Clock(monkeypatch, {1: 4.0, 2: 3.9})
    clock.run(AutoThreads([1, 2]), PERIOD)
    assert clock.threads[-1] == 1


def test_auto_threads__changes_its_mind_when_a_neighbour_comes(monkeypatch):
    clock = Clock(monkeypatch, {1: 4.0, 2: 3.0})
    auto = AutoThreads([1, 2])
    clock.run(auto, PERIOD)
    clock.seconds = {1: 4.0, 2: 20.0}
    clock.run(auto, PERIOD)
    assert clock.threads[-1] == 1


def test_fastest__chooses_by_the_median():
    assert fastest({1: [4, 4, 4], 2: [1, 9, 9], 4: [2, 2, 30]}) == 4


@pytest.mark.parametrize(
    ("cores", "allowed", "counts"),
    [(1, 8, [1]), (2, 2, [1, 2]), (8, 8, [1, 2, 4, 8]), (6, 12, [1, 2, 4, 6]), (16, 1, [1]), (None, 4, [1])],
)
def test_thread_counts__go_up_to_the_physical_cores_that_torch_may_use(monkeypatch, cores, allowed, counts):
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: cores)
    monkeypatch.setattr(torch, "get_num_threads", lambda: allowed)
    assert thread_counts() == counts


@pytest.mark.parametrize(("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_choose_device__auto_takes_the_fastest_at_hand(monkeypatch, cuda, mps, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto") == chosen
    assert choose_device("cpu") == "cpu"


def test_choose_device__missing_one_is_an_error_that_names_the_way_on(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"machine.device is cuda, but torch finds no such device here: set it to auto"):
        choose_device("cuda")


@pytest.mark.parametrize("most", machine.KEPT)
def test_keep_freed_memory__asks_an_older_glibc_for_what_it_can_keep(monkeypatch, most):
    taken = []

    def mallopt(option, size):
        taken.extend([size] if option == machine.M_MMAP_THRESHOLD and size <= most else [])
        return size <= most

    monkeypatch.setattr(machine.ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    keep_freed_memory()
    assert taken == [most]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep what is freed")
def test_keep_freed_memory__large_arrays_made_again_need_no_new_pages():
    if not ctypes.CDLL(None).mallopt(machine.M_MMAP_THRESHOLD, 2**30):
        pytest.skip("this glibc keeps nothing above 32 MB: newer ones do")
    keep_freed_memory()

    def pages(arrays):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(arrays):
            torch.ones(12_000_000)  # 48 MB: glibc by itself gives so much back each time
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    pages(50)  # until what was freed side by side is large enough
    assert pages(10) < 100
