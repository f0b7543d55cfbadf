"""Files that are replaced as a whole or not at all, and disk errors in words.

Everything in a run folder that is not append-only is written through here.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Writes all of `data`; the first call takes it whole unless the disk is full."""
    view = memoryview(data)
    while view.nbytes:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
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
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)
