"""How scripts end."""

import os
import signal
import subprocess
import sys

import pytest
from projects import ROOT

from sparsefaces.base.environment import settle
from sparsefaces.base.errors import UserError
from sparsefaces.base.processes import rank_of_process

# A script that has done its work, and is held in what Python does last.
LEAVING = """
import atexit, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup may have had it ignored
from sparsefaces.base.script import run
atexit.register(sys.stdin.read)
atexit.register(print, "leaving", flush=True)
run(lambda: None)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run__stopped_while_python_ends_shows_no_traceback(number):
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVING],
        cwd=ROOT / "src",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "leaving\n"
    process.send_signal(number)
    _, said = process.communicate()
    assert (process.returncode, said) == (-number, "")


# A script that is told to stop while it imports a module.
IMPORTING = """
import os, sys
sys.argv[0] = "fetch.py"  # as of a script in this folder

class Stop:
    def find_spec(name, *about):
        if name == sys.argv[2]:
            os.kill(os.getpid(), int(sys.argv[1]))

sys.meta_path.insert(0, Stop)
import sparsefaces.base.script, sparsefaces.fetch.sources
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", ["pydantic.main", "sparsefaces.fetch.sources"])
def test_script__stopped_while_it_imports_shows_no_traceback(number, module):
    command = [sys.executable, "-c", IMPORTING, str(int(number)), module]
    done = subprocess.run(command, cwd=ROOT / "src", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-number, "", "")


def test_script__of_a_python_without_the_packages_says_how_to_get_them():
    command = [sys.executable, "-S", ROOT / "src/fetch.py"]  # without its site-packages
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: this Python lacks the project's packages: `make repro`, or")
    assert len(done.stderr.splitlines()) == 1


def run_script(body, *, code, **env):
    done = subprocess.run(
        [sys.executable, "-c", f"from sparsefaces.base.script import run\n{body}"],
        cwd=ROOT / "src",
        env=os.environ | env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("OSError(errno.ENOSPC, 'No space left')", "error: [Errno 28] No space left\n"),
        ("OSError(errno.EFBIG, 'File too large')", "error: [Errno 27] File too large\n"),
        (
            "PermissionError(errno.EACCES, 'Permission denied', 'faces')",
            "error: [Errno 13] Permission denied: 'faces'\n",
        ),
        ("UserError('lower it')", "error: lower it\n"),
    ],
)
def test_run__what_a_user_can_mend_is_one_message(raised, said):
    body = f"import errno\nfrom sparsefaces.base.errors import UserError\ndef main(): raise {raised}\nrun(main)"
    assert run_script(body, code=1).stderr == said


@pytest.mark.parametrize("raised", ["TypeError('a bug')", "OSError('a bug')", "OSError(errno.EBADF, 'a bug')"])
def test_run__bug_is_a_traceback(raised):
    said = run_script(f"import errno\ndef main(): raise {raised}\nrun(main)", code=1).stderr
    assert said.startswith("Traceback")
    assert said.rstrip().endswith("a bug")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run__stopped_while_it_works_says_that_nothing_is_kept(number):
    body = f"""
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup may have had it ignored
run(lambda: os.kill(os.getpid(), {number}))"""
    assert run_script(body, code=130).stderr == "interrupted: DVC keeps nothing of this stage\n"


def test_run__under_nohup_goes_on_when_the_terminal_closes():
    body = """
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
run(lambda: (os.kill(os.getpid(), signal.SIGHUP), print("went on")))"""
    assert run_script(body, code=0).stdout == "went on\n"


def test_run__has_said_each_line_even_if_it_is_killed():
    body = "import os, signal\nrun(lambda: (print('a line'), os.kill(os.getpid(), signal.SIGKILL)))"
    assert run_script(body, code=-signal.SIGKILL).stdout == "a line\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_run__writes_utf_8_whatever_python_is_told(encoding):
    body = "import sys\ndef main(): print('a → b'); print('λ', file=sys.stderr)\nrun(main)"
    done = run_script(body, code=0, PYTHONIOENCODING=encoding)
    assert (done.stdout, done.stderr) == ("a → b\n", "λ\n")


def test_run__goes_on_when_the_reader_of_its_words_has_gone(tmp_path):
    body = f"""
from sparsefaces.base.script import run
def main():
    for n in range(20000):
        print("step", n, flush=n % 3 == 0)
    open({str(tmp_path / "done")!r}, "w").close()
run(main)"""
    process = subprocess.Popen(
        [sys.executable, "-c", body], cwd=ROOT / "src", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "step 0\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("left", "rank"),
    [
        ({}, None),
        ({"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "4"}, None),  # by a cluster
        ({"TORCHELASTIC_RUN_ID": "x"}, None),
        ({"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"TORCHELASTIC_RUN_ID": "x", "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4"}, 3),
    ],
)
def test_rank_of_process__is_torchruns_among_several_whatever_else_sets(monkeypatch, left, rank):
    for name in ("TORCHELASTIC_RUN_ID", "RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in left.items():
        monkeypatch.setenv(name, value)
    assert rank_of_process() == rank


def test_run__draws_whatever_matplotlibs_backend_is_set_to():
    run_script("import matplotlib.figure\nrun(lambda: None)", code=0, MPLBACKEND="nonsense")


def test_run__survives_warnings_that_are_made_errors():
    body = "import warnings\nrun(lambda: warnings.warn('old'))"
    assert "UserWarning: old" in run_script(body, code=0, PYTHONWARNINGS="error").stderr
    body = "import warnings\nwarnings.simplefilter('ignore')\nrun(lambda: warnings.warn('old'))"
    assert run_script(body, code=0, PYTHONWARNINGS="").stderr == ""


def test_settle__library_that_is_not_beside_the_script_is_refused(tmp_path, monkeypatch):
    (tmp_path / "sparsefaces").mkdir()
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "fetch.py")])
    with pytest.raises(UserError, match=r"fetch.py uses the library in .*sparsefaces, not the one beside it"):
        settle()
    monkeypatch.setattr(sys, "argv", [str(ROOT / "src/fetch.py")])
    settle()
