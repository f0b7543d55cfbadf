"""Every call that changes a disk, one function each: what is below all writing.

Nothing is decided here. The fault harness (`tests/torture/faults.py`) replaces these functions to
let the k-th change fail, so whatever writes into a run folder goes through them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

#: What is made belongs to this user alone: a lock that others can open, others can hold.
FILE_MODE, FOLDER_MODE = 0o600, 0o700
SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

Buffer = bytes | bytearray | memoryview


def create(name: str | Path, flags: int, folder: int | None = None) -> int:
    """Opens a file for writing, making it where `flags` say so; links are not followed."""
    return os.open(name, flags | SAFE, FILE_MODE, dir_fd=folder)


def write(descriptor: int, data: Buffer) -> int:
    """Writes at the end or at the descriptor's place; how many bytes were taken."""
    return os.write(descriptor, data)


def pwrite(descriptor: int, data: Buffer, position: int) -> int:
    """Writes at `position`; how many bytes were taken."""
    return os.pwrite(descriptor, data, position)


def truncate(descriptor: int, size: int) -> None:
    """Sets a file's size in bytes."""
    os.ftruncate(descriptor, size)


def sync(descriptor: int) -> None:
    """Makes a file or a folder survive a power failure."""
    os.fsync(descriptor)


def rename(old: str | Path, new: str | Path, folder: int | None = None) -> None:
    """Renames within one folder, replacing what is there."""
    os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)


def unlink(name: str | Path, folder: int | None = None) -> None:
    """Removes a file, or a link without following it."""
    os.unlink(name, dir_fd=folder)


def mkdir(name: str | Path, folder: int | None = None) -> None:
    """Makes a folder."""
    os.mkdir(name, FOLDER_MODE, dir_fd=folder)


def write_all(descriptor: int, data: Buffer) -> None:
    """Writes all of `data`; the first call takes it whole unless the disk is full."""
    view = memoryview(data)
    while view.nbytes:
        view = view[write(descriptor, view) :]


def pwrite_all(descriptor: int, data: Buffer, position: int) -> None:
    """Writes all of `data` at `position`."""
    view = memoryview(data)
    while view.nbytes:
        written = pwrite(descriptor, view, position)
        view, position = view[written:], position + written


class OpenFile:
    """What holds a file open until it is closed, or until its `with` ends."""

    descriptor = -1

    def close(self) -> None:
        """Lets go of the descriptor, and with it of this process's share in a lock."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
