import os
import pty
import subprocess
import sys
import termios
from contextlib import closing

from gates import DEADLINE
from projects import ROOT

from sparsefaces.base import progress
from sparsefaces.base.progress import Progress


def test_progress__in_a_log_is_a_line_every_so_often(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with closing(Progress("Reading images", 100, unit="images")) as bar:
        for _ in range(100):
            now[0] += 0.25
            bar.update()
    assert capsys.readouterr().err.splitlines() == [
        "Reading images: 40 images (40%)",
        "Reading images: 80 images (80%)",
    ]


def test_in_parts__are_all_rows_in_order_and_counted_as_they_are_done(capsys, monkeypatch):
    monkeypatch.setattr(progress, "VALUES_OF_A_PART", 8)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    rows = [(part.start, part.stop) for part in progress.in_parts("Scaling", 5, 4, "faces")]
    assert rows == [(0, 2), (2, 4), (4, 5)]
    said = [f"Scaling: {done} faces ({share}%)" for done, share in ((2, 40), (4, 80), (5, 100))]
    assert capsys.readouterr().err.splitlines() == said
    assert len(list(progress.in_parts("Scaling", 3, 100, "faces"))) == 3  # a row is never too large for a part


def test_progress__a_line_that_is_said_counts_as_progress(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with closing(Progress("Training", 100)) as bar:
        for _ in range(100):
            now[0] += 1
            bar.update()
            bar.say("row")
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.splitlines() == ["row"] * 100


def test_progress__on_a_terminal_is_a_bar_that_moves():
    code = "from contextlib import closing; from sparsefaces.base.progress import Progress\n"
    code += "with closing(Progress('Reading', 3)) as bar:\n"
    code += "    for _ in range(3): bar.update()\n    bar.say('row')"
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    env = os.environ | {"TQDM_MININTERVAL": "0"}  # shows every update, not ten a second
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT / "src", env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # how a terminal says that nobody writes to it any more
            break
        if not chunk:
            break
        shown += chunk
    assert process.wait(DEADLINE) == 0
    assert b"| 1/3 [" in shown
    assert b"row" in shown
