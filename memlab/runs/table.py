"""Reading a run's measurements: fixed-width rows of a numpy dtype, by `pread` in blocks.

A table is `NAME.rows` beside `NAME.json`, which describes it. Every row starts with its number and
ends with the CRC-32 of all before. Only complete rows count; reading stops before the first row
that is not what was written, and `damaged` says where. Nothing is mapped, so that a table that is
cut meanwhile is an error and no signal, and no file is kept open between calls, so that a viewer
may follow thousands. Writing is `table_writer.py`.
"""

from __future__ import annotations

import math
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from memlab import disk
from memlab.errors import RunFolderError
from memlab.runs import documents
from memlab.runs.door import Missing, Place

SCHEMA = 1
ROW, CHECKSUM = "row", "checksum"
CHECKED_BYTES = 1 << 22  # of the newest rows, whose checksums are computed at each refresh
BLOCK_BYTES = 1 << 20
#: Bytes of a row that may be read for nothing before each row is read by itself.
SPARE_BYTES = 1 << 13
#: What no run of ours reaches; a description or a file beyond it comes from elsewhere.
MOST_ROWS, MOST_ROW_BYTES, MOST_COLUMNS = 1 << 24, 1 << 28, 4_096
#: Columns that hold one number a row, in whatever table of ours they stand.
SINGLE = frozenset(
    ("update", "examples", "epoch", "batch_size", "member", "index", "given", "true")
)
COLUMN_TYPE = re.compile(r"[<|][biuf]\d{1,2}|\?")

Columns = Sequence[tuple[str, str] | tuple[str, str, tuple[int, ...]]]
Members = slice | Sequence[int] | NDArray[np.int64]


def rows_place(place: Place) -> Place:
    """`NAME.rows`; `place` may be given with either suffix or none."""
    return place.with_suffix(".rows")


def schema_place(place: Place) -> Place:
    """`NAME.json`; `place` may be given with either suffix or none."""
    return place.with_suffix(".json")


def row_dtype(columns: Columns) -> np.dtype[np.void]:
    """The packed dtype of a row: its number, the columns, the checksum; little-endian."""
    listed: list[Any] = [(ROW, "<u8"), *columns, (CHECKSUM, "<u4")]
    return np.dtype(listed).newbyteorder("<")


class Table:
    """The complete rows of a table as of the last `refresh`."""

    def __init__(
        self, place: Place, dtype: np.dtype[np.void], attributes: Mapping[str, object]
    ) -> None:
        self.place = rows_place(place)
        self.dtype = dtype
        self.attributes = attributes
        self.count = 0
        self.generation = 0  # rises when rows that were there are gone, as after a resume
        self.damaged: str | None = None
        self.bytes_read = 0
        self._identity: tuple[int, int] | None = None
        self._size = -1

    @classmethod
    def open(cls, place: Place, thorough: bool = False) -> Self:
        """The table at `place` (with or without suffix), its rows counted.

        Args:
            thorough: compute every row's checksum, not only those of the newest 4 MiB.

        Raises:
            RunFolderError: if its description or its rows cannot be read, or the description is
                damaged or of a newer version.
        """
        where = schema_place(place)
        document = documents.read(where, schema=SCHEMA)
        try:
            dtype = dtype_from(document.pop("dtype"))
        except (ValueError, TypeError, KeyError) as error:
            raise RunFolderError(f"{where} does not describe a table; it is damaged.") from error
        kind = cls
        if cls is Table:
            from memlab.runs.attempts import AttemptTable, has_attempts  # which is a table too

            kind = AttemptTable if has_attempts(dtype) else cls  # type: ignore[assignment]
        table = kind(place, dtype, document)
        table.refresh(thorough)
        return table

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, without row number and checksum."""
        return tuple(name for name in self.dtype.names or () if name not in (ROW, CHECKSUM))

    def __len__(self) -> int:
        return self.count

    def newest(self, count: int) -> NDArray[np.void]:
        """The newest rows, at most `count`, oldest of them first.

        Raises:
            RunFolderError: if rows are gone since the last refresh, or cannot be read.
        """
        first = max(0, self.count - count)
        if first == self.count:  # of a table that has just begun the rows' file may not be there
            return np.empty(0, self.dtype)
        with self.place.reading() as descriptor:
            return self._block(descriptor, first, self.count)

    def read(
        self,
        column: str,
        start: int = 0,
        stop: int | None = None,
        members: Members = slice(None),
    ) -> NDArray[Any]:
        """A copy of `column` in rows `start` … `stop`, of `members` where it has several.

        Reads hardly more than it returns. Shape [rows], or [rows, members].

        Raises:
            RunFolderError: if there is no such column, or rows are gone since the last refresh, or
                cannot be read.
        """
        if column not in (self.dtype.names or ()):
            raise RunFolderError(f"{self.place} has no column {column}; it is damaged.")
        stop = self.count if stop is None else min(stop, self.count)
        start = min(start, stop)
        field = self.dtype[column]
        chosen = _span(members, field.shape[0]) if field.shape else None
        shape = (*(() if chosen is None else (chosen.count,)), *field.shape[1:])
        made = np.empty((stop - start, *shape), field.base)
        if start == stop:
            return made
        fields = self.dtype.fields
        assert fields is not None
        offset = int(fields[column][1])
        unit = field.itemsize // (field.shape[0] if field.shape else 1)
        low, high = (0, 1) if chosen is None else (chosen.low, chosen.high)
        width = (high - low) * unit
        # The members wanted are `width` bytes side by side in each row. Where the rest of a row is
        # small, blocks of whole rows are read and cut, as that takes fewer calls; else each row's
        # `width` bytes alone. Both give members low … high, of which `inside` are kept.
        with self.place.reading() as descriptor:
            if self.dtype.itemsize - width > SPARE_BYTES:
                parts: Iterator[tuple[int, NDArray[Any]]] = self._cells(
                    descriptor, (start, stop), offset + low * unit, width, field, high - low
                )
            else:
                parts = self._wholes(descriptor, (start, stop), column, low, high)
            for first, values in parts:
                taken = values[:, 0] if chosen is None else values[:, chosen.inside]
                made[first - start : first - start + len(values)] = taken
        return made

    def _wholes(
        self, descriptor: int, rows: tuple[int, int], column: str, low: int, high: int
    ) -> Iterator[tuple[int, NDArray[Any]]]:
        """Blocks of `column` from whole rows: (first row, [rows, high − low, …])."""
        step = max(1, BLOCK_BYTES // self.dtype.itemsize)
        for first in range(*rows, step):
            block = self._block(descriptor, first, min(first + step, rows[1]))[column]
            yield first, block[:, low:high] if block.ndim > 1 else block[:, None]

    def _cells(
        self,
        descriptor: int,
        rows: tuple[int, int],
        offset: int,
        width: int,
        field: np.dtype[Any],
        units: int,
    ) -> Iterator[tuple[int, NDArray[Any]]]:
        """The same from rows that are too wide to be read whole: `width` bytes of each."""
        for row in range(*rows):
            data = self._bytes(descriptor, width, row * self.dtype.itemsize + offset)
            yield row, np.frombuffer(data, field.base).reshape(1, units, *field.shape[1:])

    def refresh(self, thorough: bool = False) -> bool:
        """Looks for new rows; whether anything changed. Reads only row numbers and new rows.

        Raises:
            RunFolderError: if they are there and cannot be read; what was known stays.
        """
        found = self.place.info()
        if found is None:
            return self._reset(None) if self.count else False
        identity = (found.st_dev, found.st_ino)
        changed = False
        if identity != self._identity or found.st_size // self.dtype.itemsize < self.count:
            changed = self._reset(identity)
        if found.st_size == self._size and self.damaged is None:
            return changed
        complete = min(found.st_size // self.dtype.itemsize, MOST_ROWS)
        before = self.count
        if complete > self.count:
            with self.place.reading() as descriptor:
                self.count = self._intact(descriptor, complete, thorough)
        self._size = found.st_size
        return changed or self.count != before

    def _reset(self, identity: tuple[int, int] | None) -> bool:
        had_rows = self.count > 0
        self._identity, self._size, self.count, self.damaged = identity, -1, 0, None
        self.generation += had_rows
        return had_rows

    def _intact(self, descriptor: int, complete: int, thorough: bool) -> int:
        """How many of `complete` rows are what was written; the first `count` are known to be."""
        end = self._numbered(descriptor, complete)
        checked = max(1, CHECKED_BYTES // self.dtype.itemsize)
        first = self.count if thorough else max(self.count, end - checked)
        step = max(1, BLOCK_BYTES // self.dtype.itemsize)
        for start in range(first, end, step):
            block = self._block(descriptor, start, min(start + step, end))
            wrong = next((i for i in range(len(block)) if not _holds(block[i : i + 1])), None)
            if wrong is not None:
                end = start + wrong
                break
        self.damaged = (
            f"{self.place} is damaged at row {end}; what follows is not shown."
            if end < complete
            else None
        )
        return end

    def _numbered(self, descriptor: int, complete: int) -> int:
        """The first of the rows that does not bear its own number; `complete` for none."""
        size = self.dtype.itemsize
        if size > SPARE_BYTES:
            for row in range(self.count, complete):
                if int.from_bytes(self._bytes(descriptor, 8, row * size), "little") != row:
                    return row
            return complete
        step = max(1, BLOCK_BYTES // size)
        for first in range(self.count, complete, step):
            numbers = self._block(descriptor, first, min(first + step, complete))[ROW]
            due = np.arange(first, first + len(numbers), dtype=np.uint64)
            wrong = np.flatnonzero(numbers != due)
            if wrong.size:
                return first + int(wrong[0])
        return complete

    def _block(self, descriptor: int, first: int, last: int) -> NDArray[np.void]:
        size = self.dtype.itemsize
        return np.frombuffer(
            self._bytes(descriptor, (last - first) * size, first * size), self.dtype
        )

    def _bytes(self, descriptor: int, count: int, position: int) -> bytes:
        data = self.place.pread(descriptor, count, position)
        if len(data) < count:
            raise RunFolderError(f"{self.place} has lost rows while it was read.")
        self.bytes_read += count
        return data

    def copy_to(self, target: int, rows: int) -> None:
        """Writes the first `rows` rows to the descriptor `target`.

        Raises:
            RunFolderError: if they cannot be read. OSError: if they cannot be written.
        """
        step = max(1, (1 << 24) // self.dtype.itemsize)
        with self.place.reading() as descriptor:
            for first in range(0, rows, step):
                count = min(step, rows - first) * self.dtype.itemsize
                disk.write_all(target, self._bytes(descriptor, count, first * self.dtype.itemsize))


class _Chosen:
    """Members of a column: those from `low` to `high` are read, of which `inside` are wanted."""

    def __init__(self, low: int, high: int, inside: slice | NDArray[np.int64], count: int) -> None:
        self.low, self.high, self.inside, self.count = low, high, inside, count


def _span(members: Members, width: int) -> _Chosen:
    if isinstance(members, slice):
        at = range(*members.indices(width))
        if not at:
            return _Chosen(0, 1, slice(0, 0), 0)
        low, high = min(at), max(at) + 1
        inside = slice(0, high - low, at.step) if at.step > 0 else np.asarray(at, np.int64) - low
        return _Chosen(low, high, inside, len(at))
    listed = np.asarray(members, np.int64)
    if not listed.size:
        return _Chosen(0, 1, slice(0, 0), 0)
    low = int(listed.min())
    if low < 0 or int(listed.max()) >= width:
        raise IndexError(f"members {low} to {int(listed.max())} of {width}")
    return _Chosen(low, int(listed.max()) + 1, listed - low, len(listed))


def dtype_from(description: object) -> np.dtype[np.void]:
    """The dtype of a table's description.

    Raises:
        ValueError, TypeError: if it is none, of variable width, or wider than any table of ours.
    """
    if not isinstance(description, list) or len(description) > MOST_COLUMNS:
        raise TypeError("a list of columns is needed")
    dtype = np.dtype([_column(item) for item in description])
    names = dtype.names or ()
    if len(names) < 2 or names[0] != ROW or names[-1] != CHECKSUM:
        raise ValueError("not the columns of a table")
    if dtype[ROW] != np.dtype("<u8") or dtype[CHECKSUM] != np.dtype("<u4"):
        raise ValueError("row number or checksum of another type")
    if any(dtype[name].shape for name in SINGLE.intersection(names)):
        raise ValueError("several numbers where there is one a row")
    if dtype.itemsize > MOST_ROW_BYTES:
        raise ValueError("a row that is too wide")
    return dtype


def _column(item: object) -> Any:
    if not isinstance(item, list) or len(item) not in (2, 3):
        raise TypeError("a column is a name, a type and perhaps a shape")
    name, kind, shape = (*item, []) if len(item) == 2 else item
    if not isinstance(name, str) or not isinstance(kind, str) or not COLUMN_TYPE.fullmatch(kind):
        raise TypeError("a column's name and type are texts, the type a number's")
    sizes = shape if isinstance(shape, list) else [shape]
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in sizes):
        raise ValueError("a shape is of whole numbers from 1")
    if len(sizes) > 8 or math.prod(sizes) > MOST_ROW_BYTES:
        raise ValueError("a shape that is too large")
    return (name, kind, tuple(sizes)) if sizes else (name, kind)


def rows_of(dtype: np.dtype[np.void], first: int, data: bytes) -> NDArray[np.void]:
    """The rows in `data`, which are to be whole and those from number `first` on.

    Raises:
        ValueError: if they are not; a row is right if its number and its checksum are.
    """
    if len(data) % dtype.itemsize:
        raise ValueError(f"{len(data)} bytes are no rows of {dtype.itemsize}")
    rows = np.frombuffer(data, dtype)
    numbers = np.arange(first, first + len(rows), dtype=np.uint64)
    if not np.array_equal(rows[ROW], numbers):
        raise ValueError(f"its rows are not those from number {first} on")
    if not all(_holds(rows[at : at + 1]) for at in range(len(rows))):
        raise ValueError("a row's checksum does not hold")
    return rows


def _holds(row: NDArray[np.void]) -> bool:
    """Whether the row's checksum is that of its bytes."""
    data = row.tobytes()
    return zlib.crc32(memoryview(data)[:-4]) == int.from_bytes(data[-4:], "little")


def size_of(place: Place) -> int:
    """The size of the rows' file in bytes; 0 where there is none. Raises RunFolderError."""
    try:
        with rows_place(place).reading() as descriptor:
            return os.fstat(descriptor).st_size
    except Missing:
        return 0
