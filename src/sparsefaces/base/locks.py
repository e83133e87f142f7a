"""Locks between processes: files that the kernel unlocks when a process ends, however it ends."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

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
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting:
                    print(waiting, flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise OSError(error.errno, error.strerror, str(path)) from None  # flock's own names no file
            say_that_there_are_none(os.strerror(error.errno))
        yield


@cache  # once per process
def say_that_there_are_none(why: str) -> None:
    """Say that nothing keeps two processes of this project apart, and what helps."""
    print(f"this project's file system has no locks (flock: {why}): run one command at a time here", flush=True)
