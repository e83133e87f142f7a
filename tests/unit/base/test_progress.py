import os
import pty
import sys
from contextlib import closing

from sparsefaces.base import progress
from sparsefaces.base.progress import Progress, say


def test_progress__in_a_log_is_a_line_every_so_often_and_one_that_is_said_counts(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with closing(Progress("Reading images", 200, unit="images")) as bar:
        for number in range(200):
            now[0] += 0.25
            bar.update()
            if number >= 100:
                bar.say("row")
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["Reading images: 40 images (20%)", "Reading images: 80 images (40%)"]
    assert shown.out.splitlines() == ["row"] * 100


def test_progress__of_an_unknown_total_is_a_count(capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    with closing(Progress("Downloading", unit="B")) as bar:
        bar.update(2000)
    assert capsys.readouterr().err == "Downloading: 2,000 B\n"


def test_progress__on_a_terminal_is_a_bar_that_moves(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with closing(Progress("Reading", 3)) as bar:
        bar._bar.mininterval = 0  # shows every update, not ten a second
        for _ in range(3):
            bar.update()
        bar.say("row")
    shown = capsys.readouterr()
    assert "| 1/3 [" in shown.err
    assert shown.err.endswith("\r")  # the bar has gone
    assert shown.out == "row\n"


def test_say__stream_whose_disk_is_full_or_whose_terminal_is_gone_ends_nothing():
    ours, theirs = pty.openpty()
    os.close(ours)
    for descriptor in (theirs, os.open("/dev/full", os.O_WRONLY)):
        with os.fdopen(descriptor, "w") as stream:
            say("row", stream)
            say("row", stream)
