"""Reading a run's measurements: fixed-width rows of a numpy dtype, seen through memory maps.

A table is `NAME.rows` beside `NAME.json`, which describes it. Every row starts with its number and
ends with the CRC-32 of all before. Only complete rows count; reading stops before the first row
that is not what was written, and `damaged` says where. Narrow tables are not kept open between
calls, so that a viewer may follow thousands of them. Writing is `table_writer.py`.
"""

from __future__ import annotations

import json
import mmap
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError

SCHEMA = 1
ROW, CHECKSUM = "row", "checksum"
CHECKED_BYTES = 1 << 22  # of the newest rows, whose checksums are computed at each refresh
WIDE_ROW = 1 << 16  # bytes; above it, read-ahead would read what nobody asked for

Columns = Sequence[tuple[str, str] | tuple[str, str, tuple[int, ...]]]
Members = slice | Sequence[int] | NDArray[np.int64]


def rows_path(path: Path) -> Path:
    """`NAME.rows`; `path` may be given with either suffix or none."""
    return path.with_suffix(".rows")


def schema_path(path: Path) -> Path:
    """`NAME.json`; `path` may be given with either suffix or none."""
    return path.with_suffix(".json")


def row_dtype(columns: Columns) -> np.dtype[np.void]:
    """The packed dtype of a row: its number, the columns, the checksum; little-endian."""
    listed: list[Any] = [(ROW, "<u8"), *columns, (CHECKSUM, "<u4")]
    return np.dtype(listed).newbyteorder("<")


class Table:
    """The complete rows of a table as of the last `refresh`."""

    def __init__(
        self, path: Path, dtype: np.dtype[np.void], attributes: Mapping[str, object]
    ) -> None:
        self.path = rows_path(path)
        self.dtype = dtype
        self.attributes = attributes
        self.count = 0
        self.generation = 0  # rises when rows that were there are gone, as after a resume
        self.damaged: str | None = None
        self.bytes_read = 0
        self._identity: tuple[int, int] | None = None
        self._size = -1
        self._mapped: NDArray[np.void] | None = None  # of a wide table, until the next refresh

    @classmethod
    def open(cls, path: Path) -> Self:
        """The table at `path` (with or without suffix), its rows counted.

        Raises:
            RunFolderError: if its description is missing or damaged, or of a newer version.
        """
        where = schema_path(path)
        try:
            document = json.loads(where.read_bytes())
            version = document.pop("schema")
            dtype = dtype_from(document.pop("dtype"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise RunFolderError(f"{where} does not describe a table; it is damaged.") from error
        if version != SCHEMA:
            raise RunFolderError(f"{where} was written by a newer memlab; update this one.")
        table = cls(path, dtype, document)
        table.refresh()
        return table

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, without row number and checksum."""
        return tuple(name for name in self.dtype.names or () if name not in (ROW, CHECKSUM))

    def __len__(self) -> int:
        return self.count

    @property
    def rows(self) -> NDArray[np.void]:
        """All complete rows, a read-only memory map [rows]; valid as long as it is kept."""
        return self._map(self.count)

    def newest(self, count: int) -> NDArray[np.void]:
        """A copy of the newest rows, at most `count`, oldest of them first.

        Raises:
            RunFolderError: if rows are gone since the last refresh.
        """
        copied = np.array(self._map(self.count)[max(0, self.count - count) :])
        self.bytes_read += copied.nbytes
        return copied

    def read(
        self,
        column: str,
        start: int = 0,
        stop: int | None = None,
        members: Members = slice(None),
    ) -> NDArray[Any]:
        """A copy of `column` in rows `start` … `stop`, of `members` where it has several.

        Touches only what it returns. Shape [rows], or [rows, members].

        Raises:
            RunFolderError: if rows are gone since the last refresh.
        """
        stop = self.count if stop is None else min(stop, self.count)
        part = self._map(stop)[column][min(start, stop) : stop]
        if part.ndim > 1:
            part = part[:, members]
        copied = np.array(part, order="C")
        self.bytes_read += copied.nbytes
        return copied

    def refresh(self) -> bool:
        """Looks for new rows; whether anything changed. Reads only row numbers and new rows."""
        self._mapped = None
        try:
            found = os.stat(self.path)
        except OSError:
            return self._reset(None) if self.count else False
        identity = (found.st_dev, found.st_ino)
        changed = False
        if identity != self._identity or found.st_size // self.dtype.itemsize < self.count:
            changed = self._reset(identity)
        if found.st_size == self._size and self.damaged is None:
            return changed
        self._size = found.st_size
        complete = found.st_size // self.dtype.itemsize
        if complete <= self.count:
            return changed
        before = self.count
        try:
            self.count = self._intact(complete)
        except RunFolderError:
            return changed
        return changed or self.count != before

    def _reset(self, identity: tuple[int, int] | None) -> bool:
        had_rows = self.count > 0
        self._identity, self._size, self.count, self.damaged = identity, -1, 0, None
        self.generation += had_rows
        return had_rows

    def _intact(self, complete: int) -> int:
        """How many of `complete` rows are what was written; the first `count` are known to be."""
        rows = self._map(complete)
        numbers = np.array(rows[ROW][self.count :])
        self.bytes_read += numbers.nbytes
        wrong = np.flatnonzero(numbers != np.arange(self.count, complete, dtype=np.uint64))
        end = self.count + int(wrong[0]) if wrong.size else complete
        first = max(self.count, end - max(1, CHECKED_BYTES // self.dtype.itemsize))
        for index in range(first, end):
            if not _checksum_holds(rows[index : index + 1]):
                end = index
                break
            self.bytes_read += self.dtype.itemsize
        self.damaged = (
            f"{self.path} is damaged at row {end}; what follows is not shown."
            if end < complete
            else None
        )
        return end

    def _map(self, count: int) -> NDArray[np.void]:
        if count == 0:
            return np.empty(0, self.dtype)
        if self._mapped is not None and len(self._mapped) >= count:
            return self._mapped[:count]
        size = count * self.dtype.itemsize
        try:
            with open(self.path, "rb") as file:
                if os.fstat(file.fileno()).st_size < size:
                    raise RunFolderError(f"{self.path} has lost rows while it was read.")
                mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise RunFolderError(f"{self.path} cannot be read: {error.strerror}.") from error
        rows = np.frombuffer(mapped, self.dtype, count)
        if self.dtype.itemsize > WIDE_ROW:
            mapped.madvise(mmap.MADV_RANDOM)
            self._mapped = rows  # a page holds many members: other curves find it there
        return rows


def dtype_from(description: object) -> np.dtype[np.void]:
    """The dtype of a table's description.

    Raises:
        ValueError, TypeError: if it is none, or of variable width.
    """
    if not isinstance(description, list):
        raise TypeError("a list of columns is needed")
    listed = [tuple(tuple(i) if isinstance(i, list) else i for i in item) for item in description]
    dtype = np.dtype(listed)
    names = dtype.names or ()
    if len(names) < 2 or names[0] != ROW or names[-1] != CHECKSUM or dtype.hasobject:
        raise ValueError("not the columns of a table")
    return dtype


def _checksum_holds(row: NDArray[np.void]) -> bool:
    data = row.tobytes()
    return zlib.crc32(memoryview(data)[:-4]) == int.from_bytes(data[-4:], "little")
