"""Jobs in processes of their own, each made once."""

import os
from pathlib import Path

import numpy as np
import pytest
from gates import wait_until
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_info

from sparsefaces.analyze import parallel
from sparsefaces.analyze.parallel import Job, run_jobs
from sparsefaces.base import progress
from sparsefaces.base.errors import UserError


@pytest.fixture(autouse=True)
def two_processes(in_tmp, monkeypatch):
    """Joblib would give the next test the processes of this one, which are in its folder."""
    monkeypatch.setattr(parallel, "cpu_count", lambda: 2)
    yield
    get_reusable_executor().shutdown(kill_workers=True)


def describe_process(name, code):
    with Path(f"{name}.made").open("a") as file:
        file.write(code)
    threads = [library["num_threads"] for library in threadpool_info()]
    return {"process": np.array(os.getpid()), "threads": np.array(max(threads, default=1))}


def end():
    raise UserError("lower it")


def hold():
    wait_until(Path("go").exists)
    return describe_process("held", "1")


def jobs_of(*names, code="1"):
    return {name: Job(f"Making {name}", describe_process, (name, code)) for name in names}


def test_run_jobs__each_is_made_once_for_its_arguments_in_a_process_with_one_thread(capsys):
    made = run_jobs(jobs_of("a", "b"))
    assert list(made) == ["a", "b"]
    for arrays in made.values():
        assert arrays["process"] != os.getpid()
        assert arrays["threads"] == 1
    assert run_jobs(jobs_of("b", "c"))["b"] == made["b"]
    assert run_jobs(jobs_of("c", code="2"))["c"]["process"] == os.getpid()  # a job alone needs no other process
    assert [Path(f"{name}.made").read_text() for name in "abc"] == ["1", "1", "12"]
    said = [line.partition(" (once")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == ["Making a", "Making b", "Making c", "Making c"]


def test_run_jobs__mistake_in_one_is_its_message():
    with pytest.raises(UserError, match="^lower it$"):
        run_jobs(jobs_of("a") | {"ends": Job("Ending", end, ())})


@pytest.mark.filterwarnings("ignore:Unable to write")  # joblib's own
def test_run_jobs__cache_that_cannot_be_written_is_gone_without(capsys):
    Path(".scratch").mkdir()
    Path(".scratch/made").touch()  # no folder
    assert list(run_jobs(jobs_of("a"))) == ["a"]
    assert capsys.readouterr().out == "Making a\n"


def test_run_jobs__says_what_it_is_at_as_long_as_that_takes(monkeypatch):
    said = []

    def say(line, stream):
        said.append(line)
        Path("go").touch()

    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.01)
    monkeypatch.setattr(progress, "say", say)
    run_jobs({"held": Job("Holding", hold, ())} | jobs_of("a"))
    assert said[0].startswith("Holding (")
