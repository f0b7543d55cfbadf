"""Opening a user's data: regular files only, and what they expand to known before memory is taken.

A file may come from a stranger: a few kilobytes can promise terabytes, and a named pipe in place of
a file would hang its reader. Links are followed; it is the user's own disk.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from memlab.errors import InvalidDataset

MEBIBYTE = 1 << 20
#: What a file may expand to whatever its size, and how many times its size beyond that.
SMALL = 16 * MEBIBYTE
LARGEST_EXPANSION = 300
CONTROL_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The regular file at `path`, or that a link there leads to, for reading.

    Raises:
        InvalidDataset: if it cannot be opened, or is a pipe, a device, a folder or mostly holes.
    """
    try:
        # Non-blocking: a named pipe would otherwise wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise InvalidDataset(f"{path} cannot be read: {_reason(error)}.") from error
    with _closing(descriptor):
        _check_kind(descriptor, path)
        with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
            yield file


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _check_kind(descriptor: int, path: Path) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise InvalidDataset(f"{path} is no regular file, and data are read from those only.")
    if _hollow(descriptor, found):
        raise InvalidDataset(
            f"{path} is mostly holes: {found.st_size:,} bytes, of which the disk holds "
            f"{found.st_blocks * 512:,}; it was not copied whole."
        )


def _reason(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or "its name is not allowed")


def _hollow(descriptor: int, found: os.stat_result) -> bool:
    """Whether the file is larger than `SMALL` and promises far more than the disk holds."""
    if found.st_size <= max(SMALL, found.st_blocks * 512 * LARGEST_EXPANSION):
        return False
    # A file system that compresses, or has not stored the file yet, has few blocks and no holes.
    with suppress(OSError, AttributeError):
        hole = os.lseek(descriptor, 0, os.SEEK_HOLE)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return hole < found.st_size
    return False


def size_of(file: BinaryIO) -> int:
    """The size of an opened file, in bytes."""
    return os.fstat(file.fileno()).st_size


def read_whole(path: Path, most: int) -> bytes:
    """The content of a file that holds at most this many bytes.

    Raises:
        InvalidDataset: if it is larger, or cannot be read.
    """
    with opened(path) as file:
        size = size_of(file)
        if size > most:
            raise InvalidDataset(
                f"{path} has {size:,} bytes; files of its kind have {most:,} at most."
            )
        return exactly(file, size, path)


def exactly(file: BinaryIO, count: int, path: Path) -> bytes:
    """The next `count` bytes of a file; fewer where it ends before.

    Raises:
        InvalidDataset: if the disk does not give them.
    """
    pieces = []
    try:
        while count and (piece := file.read(min(count, MEBIBYTE))):
            pieces.append(piece)
            count -= len(piece)
    except OSError as error:
        raise InvalidDataset(f"{path} cannot be read: {_reason(error)}.") from error
    return b"".join(pieces)


def check_expansion(where: str, expanded: int, stored: int) -> None:
    """Refuses what would expand to far more than its size on disk, as only crafted files do.

    Raises:
        InvalidDataset: naming `where` and the limit.
    """
    if expanded > max(SMALL, LARGEST_EXPANSION * stored):
        raise InvalidDataset(
            f"{where} would expand to {expanded:,} bytes from {stored:,}, more than "
            f"{LARGEST_EXPANSION} times; save it again without compression if that is meant."
        )


def check_memory(where: str, needed: int) -> None:
    """Refuses what would take more than half of this machine's memory.

    Raises:
        InvalidDataset: naming `where`, what it needs and what there is.
    """
    allowed = memory_bytes() // 2
    if needed > allowed:
        raise InvalidDataset(
            f"{where} would take {_size(needed)} of memory; {_size(allowed)}, half of "
            "what this machine has, are the most; use fewer examples, or uint8."
        )


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def memory_bytes() -> int:
    """The memory of this machine, or of the container that this runs in."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        total = min(total, int(CONTROL_GROUP_LIMIT.read_text(encoding="ascii")))
    return total


class Inflating:
    """A compressed stream, read piece by piece: never more than asked for is expanded.

    `window` is zlib's `wbits`: 31 for gzip, 15 for zlib; `stored` how many compressed bytes of
    `file` belong to it, all by default. Raises `zlib.error` where it is damaged.
    """

    def __init__(self, file: BinaryIO, window: int, stored: int | None = None) -> None:
        self._file = file
        self._left = size_of(file) if stored is None else stored
        self._inflater = zlib.decompressobj(window)
        self._waiting = b""

    def read(self, count: int) -> bytes:
        """The next `count` bytes; fewer where the stream ends or its file is cut."""
        pieces = []
        while count > 0 and not self._inflater.eof:
            given = self._waiting or self._more()
            # Without more to give it may still have something to say.
            piece = self._inflater.decompress(given, min(count, MEBIBYTE))
            if not piece and not given:
                break
            self._waiting = self._inflater.unconsumed_tail
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def _more(self) -> bytes:
        more = self._file.read(min(self._left, 1 << 16))
        self._left -= len(more)
        return more

    def ended(self) -> bool:
        """Whether the stream is complete, its checksum right, with nothing behind it."""
        rest = self.read(1)
        whole = self._inflater.eof and not rest
        return whole and not self._inflater.unused_data and not self._more()
