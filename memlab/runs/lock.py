"""The kernel's lock that says whether a run lives: flock on an open file description.

The description, not the process, owns the lock: whoever launches a worker takes the lock first and
hands the open descriptor over, so that at no instant a living run looks dead. When the last holder
dies, by whatever signal, the kernel frees it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from pathlib import Path
from typing import Self

from memlab import disk
from memlab.atomic import storing
from memlab.errors import RunFolderError

TAKE_SECONDS = 0.25  # a viewer's probe holds the lock for microseconds


class RunLock(disk.OpenFile):
    """A held lock. Closing lets go of this process's share only; another holder keeps it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path, seconds: float = TAKE_SECONDS) -> Self:
        """Takes the lock at `path`, creating the file.

        Raises:
            RunFolderError: if another process holds it after `seconds`, or it is no file.
            StorageError: if the file cannot be opened, a link for instance.
        """
        with storing(path):
            descriptor = disk.create(path, os.O_RDWR | os.O_CREAT)
        if _lock(descriptor, seconds) and _same_file(descriptor, path):
            return cls(path, descriptor)
        os.close(descriptor)
        raise RunFolderError(f"The run {path.parent.name} is held by a living worker.")

    @classmethod
    def adopt(cls, path: Path, descriptor: int) -> Self:
        """Takes over a descriptor that the launcher handed to this process.

        Raises:
            RunFolderError: if it is not this lock, or another process holds the lock.
        """
        os.set_inheritable(descriptor, False)
        if not _same_file(descriptor, path) or not _lock(descriptor, TAKE_SECONDS):
            raise RunFolderError(f"The run {path.parent.name} is held by a living worker.")
        return cls(path, descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock; False where there is no such file, or a link.

    Raises:
        RunFolderError: if that cannot be known.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | disk.SAFE)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EACCES):
            return False  # nothing that a worker of ours could hold
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def try_lock(descriptor: int) -> bool:
    """Whether the exclusive lock was free, or this descriptor's already, and is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not try_lock(descriptor):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.002)
    return True


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        mine, there = os.fstat(descriptor), os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    same = (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
    return same and stat.S_ISREG(mine.st_mode)
