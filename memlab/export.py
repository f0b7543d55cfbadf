"""Files that the user named: written whole or not at all, over nothing that is no file, or unasked.

A link is followed to the file that it leads to, and stays; one that leads nowhere, a folder, a
device or a pipe is refused. A file that is replaced keeps who may read and write it.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from memlab import disk
from memlab.atomic import storing, sync_folder
from memlab.errors import ExportRefused, FileIsThere

KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def target(path: Path, *, replace: bool = False) -> Path:
    """Where `export` would write to: `path` with `~` expanded and a link followed to its file.

    Raises:
        FileIsThere: if a file is there and may not be replaced.
        ExportRefused: if what is there is no file, or a link that leads nowhere.
        StorageError: if it cannot be looked at, or may not be written.
    """
    path = Path(os.path.abspath(os.path.expanduser(path)))
    with storing(path):
        if not os.path.lexists(path):
            return path
        if path.is_symlink():
            if not path.exists():
                raise ExportRefused(f"{path} is a link that leads nowhere; name a file.")
            path = path.resolve()
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = next((words for holds, words in KINDS if holds(mode)), "something else")
            raise ExportRefused(f"{path} is {kind}; name a file.")
        if not replace:
            raise FileIsThere(f"{path} is there already.")
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC))
    return path


def export(path: Path, data: bytes, *, replace: bool = False) -> Path:
    """Writes `data` to the file that the user named, and returns where it is.

    Raises:
        FileIsThere, ExportRefused, StorageError: as `target`; what was there stays as it is.
    """
    goal = target(path, replace=replace)
    temporary = goal.with_name(f".{goal.name[:100]}.{secrets.token_hex(6)}.tmp")
    with storing(goal):
        try:
            _write(temporary, data, goal if replace and goal.exists() else None)
            if replace:
                os.rename(temporary, goal)
            else:
                _put(temporary, goal)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(goal.parent)
    return goal


def _write(temporary: Path, data: bytes, like: Path | None) -> None:
    """A new file, which those may read who may read `like`, from its first byte on."""
    mode = 0o666 if like is None else 0o600
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        if like is not None:
            was = like.stat()
            with suppress(OSError):  # only root gives files away
                os.fchown(descriptor, was.st_uid, was.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(was.st_mode) & 0o777)
        disk.write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(temporary: Path, goal: Path) -> None:
    """Gives the file its name, unless something has got it meanwhile."""
    try:
        os.link(temporary, goal)
    except FileExistsError as error:
        raise FileIsThere(f"{goal} is there already.") from error
    except OSError:  # a file system without links
        if os.path.lexists(goal):
            raise FileIsThere(f"{goal} is there already.") from None
        os.rename(temporary, goal)
    else:
        os.unlink(temporary)
