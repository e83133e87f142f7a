"""Locks between processes: files that the kernel unlocks when a process ends, however it ends."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # what file systems without locks answer, as some of networks


@contextmanager
def locked(path: Path, waiting: str | None = None) -> Iterator[None]:
    """Hold a lock within the block; wait for it while another process holds it.

    The file itself means nothing: one that was left behind locks nobody out. Where the file system has no locks,
    the block runs without one, and that is said once.

    Args:
        path: The lock's file; it and its folder are made if need be, and the file stays.
        waiting: What is printed if there is something to wait for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if not _flock(file, path, fcntl.LOCK_NB):
            if waiting:
                print(waiting, flush=True)
            _flock(file, path)
        yield


def try_lock(path: Path) -> BinaryIO | None:
    """Take a lock for as long as the file that is returned is open, at most as long as this process lives.

    Returns:
        The lock's file; None if another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    if _flock(file, path, fcntl.LOCK_NB):
        return file
    file.close()
    return None


def _flock(file: BinaryIO, path: Path, flags: int = 0) -> bool:
    """Lock a file; tell whether that was possible at once, or the file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | flags)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise OSError(error.errno, error.strerror, str(path)) from None  # flock's own names no file
        say_that_there_are_none(os.strerror(error.errno))
    return True


@cache  # once per process
def say_that_there_are_none(why: str) -> None:
    """Say that nothing keeps two processes of this project apart, and what helps."""
    print(f"this project's file system has no locks (flock: {why}): run one command at a time here", flush=True)
