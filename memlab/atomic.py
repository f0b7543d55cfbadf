"""Files that are replaced as a whole or not at all, and disk errors in words.

For files of our own outside run folders; within them, `memlab.runs.door` does the same.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memlab import disk
from memlab.errors import StorageError


def storage_error(error: OSError, path: Path) -> StorageError:
    """The error of the operating system as a sentence that says what would be right."""
    code = error.errno
    if code in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(f"The disk is full: {path} could not be written. Free some space.")
    if code in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE):
        return StorageError(f"The folder {path.parent} is gone: {path.name} could not be written.")
    if code in (errno.EACCES, errno.EPERM):
        return StorageError(f"Permission denied: {path} may not be written by this user.")
    if code == errno.EROFS:
        return StorageError(f"Permission denied: {path} is on a read-only file system.")
    return StorageError(f"{path} could not be written: {error.strerror or error}.")


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turns an OSError inside into the StorageError that says what is wrong with `path`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


@contextmanager
def taken_back(descriptor: int, size: int) -> Iterator[None]:
    """Cuts a file that is appended to inside back to `size` bytes where that fails."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            disk.truncate(descriptor, size)
        raise


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces the file at `path` by `data`; a reader sees the old content or the new.

    Raises:
        StorageError: if the disk is full, the folder gone, permission denied; the old file stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with storing(path):
        try:
            descriptor = disk.create(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                disk.write_all(descriptor, data)
                disk.sync(descriptor)
            finally:
                os.close(descriptor)
            disk.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                disk.unlink(temporary)
            raise
        sync_folder(path.parent)
