"""How scripts end."""

import os
import signal
import subprocess
import sys
from select import select

import pytest
from filelock import FileLock
from gates import DEADLINE
from projects import ROOT


def start(body, folder, **env):
    """Run a script's body in a folder."""
    env = {name: value for name, value in os.environ.items() if name != "RANK"} | {"PYTHONPATH": ROOT / "src"} | env
    code = f"import os, signal\nfrom sparsefaces.base.script import UserError, run\n{body}"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=env, **pipes)


def end(process, *, code):
    """Wait for its end; return what it said, and what it said of errors."""
    said = process.communicate(timeout=DEADLINE)
    assert process.returncode == code, said
    return said


@pytest.mark.parametrize(
    ("main", "said"),
    [
        ("def main(): raise UserError('lower it')", "error: lower it\n"),
        (
            "def main(): open('X.npy')",
            "error: [Errno 2] No such file or directory: 'X.npy'; `dvc repro` makes what is missing in stages/\n",
        ),
        ("def main(): open('/')", "error: [Errno 21] Is a directory: '/'\n"),
    ],
)
def test_run__what_a_user_can_mend_is_one_message(main, said, tmp_path):
    assert end(start(f"{main}\nrun(main)", tmp_path), code=1) == ("", said)


@pytest.mark.parametrize("raised", ["TypeError('a bug')", "OSError('a bug')"])
def test_run__bug_is_a_traceback(raised, tmp_path):
    _, said = end(start(f"def main(): raise {raised}\nrun(main)", tmp_path), code=1)
    assert said.startswith("Traceback")
    assert said.rstrip().endswith("a bug")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run__stopped_while_it_works_says_that_nothing_is_kept(number, tmp_path):
    body = f"signal.signal(signal.SIGHUP, signal.SIG_DFL)\nrun(lambda: os.kill(os.getpid(), {number}))"
    assert end(start(body, tmp_path), code=130) == ("", "interrupted: DVC keeps nothing of this stage\n")


def test_run__under_nohup_goes_on_when_the_terminal_closes(tmp_path):
    body = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    body += "run(lambda: (os.kill(os.getpid(), signal.SIGHUP), print('went on')))"
    assert end(start(body, tmp_path), code=0) == ("went on\n", "")


def test_run__goes_on_when_the_reader_of_its_words_has_gone(tmp_path):
    body = """
from sparsefaces.base.progress import say
def main():
    for n in range(20000):
        say(f"step {n}")
    open("done", "w").close()
run(main)"""
    process = start(body, tmp_path)
    assert process.stdout.readline() == "step 0\n"
    process.stdout.close()
    process.stdout = None
    assert end(process, code=0) == (None, "")
    assert (tmp_path / "done").exists()


STAGE = "run(lambda: print('at work'), stage='fetch')"


def test_run__waits_for_the_process_that_makes_the_same_stage_and_says_so(tmp_path):
    (tmp_path / ".scratch").mkdir()
    with FileLock(tmp_path / ".scratch/fetch.lock"):
        process = start(STAGE, tmp_path)
        assert select([process.stdout], [], [], DEADLINE)[0], "it says nothing"
        assert process.stdout.readline() == "another process is still at fetch in this folder: waiting for its end\n"
    assert end(process, code=0) == ("at work\n", "")


@pytest.mark.parametrize(("body", "rank"), [(STAGE, "1"), (STAGE.replace("fetch", "standardize"), "0")])
def test_run__does_not_wait_for_another_stage_nor_for_its_own_first_process(body, rank, tmp_path):
    (tmp_path / ".scratch").mkdir()
    with FileLock(tmp_path / ".scratch/fetch.lock"):
        assert end(start(body, tmp_path, RANK=rank), code=0) == ("at work\n", "")
