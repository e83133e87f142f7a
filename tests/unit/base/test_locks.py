"""Locks between processes, also where the file system has none."""

import errno
import fcntl
import multiprocessing
import os
import signal

import pytest

from sparsefaces.base.locks import locked, say_that_there_are_none


def hold(path, held, go):
    with locked(path):
        held.set()
        go.wait()


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock, until it is told to go or is killed; the lock's path."""
    context = multiprocessing.get_context("spawn")
    held, go = context.Event(), context.Event()
    path = tmp_path / "made" / "x.lock"
    process = context.Process(target=hold, args=(path, held, go), daemon=True)
    process.start()
    assert held.wait(60)
    yield process, go, path
    process.kill()
    process.join()


def is_free(path):
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_locked__waits_for_another_process_and_says_so_once(holder, monkeypatch, capsys):
    _, go, path = holder
    assert not is_free(path)
    calls, flock = [], fcntl.flock

    def end_the_other_first(file, how):
        calls.append(how)
        if not how & fcntl.LOCK_NB:  # it waits from here on
            go.set()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", end_the_other_first)
    with locked(path, "another is at it"):
        assert capsys.readouterr().out == "another is at it\n"
        monkeypatch.undo()
        assert not is_free(path)
    assert is_free(path)
    assert calls == [fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_EX]


def test_locked__is_free_when_its_process_is_killed_though_the_file_stays(holder, capsys):
    process, _, path = holder
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert path.exists()
    with locked(path, "another is at it"):
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize("missing", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
@pytest.mark.parametrize("at", [fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_EX], ids=["at once", "while it waits"])
def test_locked__goes_on_without_locks_of_the_file_system_and_says_so_once(missing, at, tmp_path, monkeypatch, capsys):
    def flock(_, how):
        raise OSError(missing if how == at else errno.EAGAIN, "none")

    monkeypatch.setattr(fcntl, "flock", flock)
    say_that_there_are_none.cache_clear()
    done = []
    for name in ("one.lock", "two.lock"):
        with locked(tmp_path / name):
            done.append(name)
    assert len(done) == 2
    said = f"this project's file system has no locks (flock: {os.strerror(missing)}): run one command at a time here\n"
    assert capsys.readouterr().out == said


def test_locked__other_errors_name_the_file(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match=r"Input/output error: .*x\.lock"), locked(tmp_path / "x.lock"):
        pytest.fail("the block ran without its lock")
