"""How scripts end."""

import signal
import subprocess
import sys

import pytest
from projects import ROOT

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
