"""The archive and the arrays of an npz file, parsed here, so that nothing is trusted unchecked.

What an array's header and the archive's table of contents promise is compared, and with limits,
before memory is taken; no pickle is ever read. What the arrays mean is `npz.py`.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from memlab.data.data_file import MEBIBYTE, check_expansion, size_of
from memlab.errors import InvalidDataset

NPY_MAGIC = b"\x93NUMPY"
#: NumPy itself refuses longer headers.
LONGEST_HEADER = 10_000
PACKED_AS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
SHOWN_NAMES = 12

_TYPE = re.compile(r"""['"]descr['"]\s*:\s*['"]([<>|=]?[?a-zA-Z]\d{0,9}(?:\[[^\]'"]*\])?)['"]""")
_ORDER = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(([\d\s,L]{0,600})\)""")


@dataclass(frozen=True)
class Stored:
    """An array in the archive: what its header says, and where its values start."""

    member: zipfile.ZipInfo
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    columns_first: bool
    start: int

    @property
    def numbers(self) -> bool:
        """Whether its values are numbers."""
        return self.dtype.kind in "biuf"

    @property
    def plain(self) -> bool:
        """Whether they are numbers or texts; others are not read, their type alone refuses them."""
        return self.numbers or self.dtype.kind in "US"

    @property
    def nbytes(self) -> int:
        """How many bytes its values take."""
        return prod(self.shape) * self.dtype.itemsize


def needed(stored: Stored) -> int:
    """The bytes of memory that it takes until it is an array of 32-bit numbers."""
    if not stored.plain:
        return 0
    if not stored.numbers:
        return 3 * stored.nbytes
    converted = 0 if stored.dtype == np.uint8 else 5 * prod(stored.shape)
    return stored.nbytes + converted


class Archive:
    """An npz file that is open."""

    def __init__(self, zipped: zipfile.ZipFile, path: Path, size: int) -> None:
        self._zipped = zipped
        self._path = path
        self._size = size

    def names(self) -> list[str]:
        """The names of the first arrays in it, printable."""
        names = [entry.filename.removesuffix(".npy") for entry in self._zipped.infolist()]
        shown = [name if name.isprintable() else ascii(name) for name in names[:SHOWN_NAMES]]
        more = [f"{len(names) - len(shown):,} more"] if len(names) > len(shown) else []
        return [name[:60] for name in shown] + more

    def every(self) -> list[str]:
        """The names of all arrays in it, as they are."""
        return [entry.filename.removesuffix(".npy") for entry in self._zipped.infolist()]

    def find(self, name: str) -> Stored | None:
        """The array of this name, its header read; None where there is none.

        Raises:
            InvalidDataset: if it is damaged, or holds Python objects.
        """
        known = self._zipped.NameToInfo
        member = known.get(f"{name}.npy") or known.get(name)
        if member is None:
            return None
        with _damage(self._path, f"array {name!r} cannot be read"):
            return self._header(member, name)

    def _header(self, member: zipfile.ZipInfo, name: str) -> Stored:
        if member.compress_type not in PACKED_AS or member.flag_bits & 1:
            raise InvalidDataset(
                f"{self._path}: array {name!r} is packed in a way that NumPy does not use; save it "
                "with numpy.savez."
            )
        check_expansion(f"{self._path}: array {name!r}", member.file_size, self._size)
        with self._zipped.open(member) as file:
            start = file.read(8)
            if start[:6] != NPY_MAGIC:
                raise InvalidDataset(
                    f"{self._path}: {name!r} is no NumPy array; save it with numpy.savez."
                )
            width = 2 if start[6] == 1 else 4
            length = int.from_bytes(file.read(width), "little")
            if length > LONGEST_HEADER:
                raise ValueError("a header that is too long")
            text = file.read(length).decode("utf-8")
        dtype, shape, columns_first = _parsed(text)
        if dtype.hasobject:
            raise InvalidDataset(
                f"{self._path}: array {name!r} holds Python objects (a pickle), which are not "
                "read; save numbers, or labels as texts: y.astype(str)."
            )
        found = Stored(member, dtype, shape, columns_first, 8 + width + length)
        if found.plain and found.start + found.nbytes != member.file_size:
            raise ValueError("another size than its header says")
        return found

    def array(self, stored: Stored) -> np.ndarray:
        """The values; empty where they are neither numbers nor texts.

        Raises:
            InvalidDataset: if they are damaged.
        """
        if not stored.plain or not stored.nbytes:
            return np.empty(stored.shape if stored.plain else 0, dtype=stored.dtype)
        name = stored.member.filename.removesuffix(".npy")
        with _damage(self._path, f"array {name!r} cannot be read"):
            values = np.empty(stored.nbytes, dtype=np.uint8)
            with self._zipped.open(stored.member) as file:
                file.read(stored.start)
                filled = 0
                while filled < len(values):
                    piece = file.read(min(MEBIBYTE, len(values) - filled))
                    if not piece:
                        raise EOFError
                    values[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
                    filled += len(piece)
                file.read(1)  # at its end, its checksum is compared
            numbers: np.ndarray = values.view(stored.dtype)
            return numbers.reshape(stored.shape, order="F" if stored.columns_first else "C")


@contextmanager
def archive(file: BinaryIO, path: Path) -> Iterator[Archive]:
    """The npz file at `path`, opened as `file`.

    Raises:
        InvalidDataset: if it is no archive.
    """
    with _damage(path, "it cannot be opened"):
        guarded = _Guarded(file)
        zipped = zipfile.ZipFile(guarded)
        guarded.most_at_once = size_of(file)
    with zipped:
        yield Archive(zipped, path, size_of(file))


class _Guarded(io.RawIOBase):
    """A file that gives at most 1 MiB at once until the table of contents is known."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.most_at_once = MEBIBYTE

    def read(self, size: int = -1) -> bytes:
        most = size_of(self._file) - self._file.tell() if size < 0 else size
        if most > self.most_at_once:
            raise ValueError("a table of contents of more than a mebibyte")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


@contextmanager
def _damage(path: Path, what: str) -> Iterator[None]:
    """Turns whatever a damaged archive raises into a sentence."""
    try:
        yield
    except InvalidDataset:
        raise
    except MemoryError as error:
        raise InvalidDataset(f"{path}: {what}: there is not enough memory.") from error
    except Exception as error:  # a damaged archive may raise anything
        raise InvalidDataset(
            f"{path} is damaged: {what}; save x and y again with numpy.savez."
        ) from error


def _parsed(text: str) -> tuple[np.dtype[np.generic], tuple[int, ...], bool]:
    """Type, shape and order of a header, which is Python's text of a dictionary."""
    kind, order, shape = (pattern.search(text) for pattern in (_TYPE, _ORDER, _SHAPE))
    if order is None or shape is None:
        raise ValueError("no header of an array")
    sides = [part.strip().removesuffix("L") for part in shape[1].split(",")]
    if any(len(side) > 18 for side in sides):
        raise ValueError("a shape that no memory holds")
    sizes = tuple(int(side) for side in sides if side)
    # What is no single type is a table of named columns.
    dtype = np.dtype("V1") if kind is None else np.dtype(kind[1])
    return dtype, sizes, order[1] == "True"
