"""Which process holds a run's lock, and whether it is stopped; known on Linux only.

For a worker that does not answer: its state says what it last said, the kernel what it does now.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def holders(lock: Path) -> tuple[int, ...]:
    """The processes of this user that have the file open; none where that cannot be known."""
    try:
        wanted = os.stat(lock, follow_symlinks=False)
        names = os.listdir("/proc")
    except OSError:
        return ()
    pids = (int(name) for name in names if name.isdigit() and int(name) != os.getpid())
    return tuple(pid for pid in pids if _has_open(pid, (wanted.st_dev, wanted.st_ino)))


def stopped(lock: Path) -> int | None:
    """The process that holds the lock and was stopped, as by SIGSTOP or a debugger, if one is."""
    return next((pid for pid in holders(lock) if _status(pid) in ("T", "t")), None)


def _has_open(pid: int, file: tuple[int, int]) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:  # it has ended, or is another user's
        return False
    for name in names:
        with suppress(OSError):  # what it has closed meanwhile says nothing of the others
            found = os.stat(f"{folder}/{name}")
            if (found.st_dev, found.st_ino) == file:
                return True
    return False


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
