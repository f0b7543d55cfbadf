"""Writing a run's measurements: one fixed-width row a write, its number first, its checksum last.

Only the holder of the run's lock writes. Opening a table changes nothing: what has to go is cut at
the first append or by `truncate`, and is kept beside first (`aside.py`). Complete rows are never
cut off in place, so that a viewer sees that they are gone: dropping rows replaces the file.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping

import numpy as np

from memlab import disk
from memlab.atomic import storing, taken_back
from memlab.errors import RunFolderError
from memlab.runs import aside
from memlab.runs.door import OpenPlace, Place
from memlab.runs.table import (
    CHECKSUM,
    ROW,
    SCHEMA,
    Columns,
    Table,
    row_dtype,
    rows_place,
    schema_place,
)


class TableWriter(OpenPlace):
    """Appends rows to a table, new or resumed; `count` are intact."""

    def __init__(
        self, place: Place, columns: Columns, attributes: Mapping[str, object] | None = None
    ) -> None:
        """Creates the table at `place`, or takes it up after the last row that is intact.

        Args:
            place: in the series folder, with or without suffix.
            columns: numpy's descriptions `(name, type[, shape])`, without row and checksum.
            attributes: what to know about the table, such as `members` and `metrics`; JSON.

        Raises:
            RunFolderError: if there is a table of other columns, or one that cannot be read.
            StorageError: if it cannot be written.
        """
        self.place = rows_place(place)
        self.dtype = row_dtype(columns)
        self._names = frozenset(self.dtype.names or ()) - {ROW, CHECKSUM}
        self._buffer = bytearray(self.dtype.itemsize)
        self._row = np.frombuffer(self._buffer, self.dtype, 1)
        self._describe(schema_place(place), dict(attributes or {}))
        self._table = Table.open(place, thorough=True)
        self.count = self._table.count
        self.descriptor = self.place.append_descriptor()
        self._settled = os.fstat(self.descriptor).st_size == self.count * self.dtype.itemsize

    def append(self, row: Mapping[str, object]) -> None:
        """Appends one row; `row` holds a value or array for every column.

        Raises:
            ValueError: if a column is missing or unknown.
            StorageError: if the disk does not take it; a torn row is taken back.
        """
        if row.keys() != self._names:
            raise ValueError(f"columns differ: {sorted(row.keys() ^ self._names)}")
        if not self._settled:
            self._cut(self.count)
        for name, value in row.items():
            self._row[name][0] = value
        self._row[ROW] = self.count
        self._row[CHECKSUM] = zlib.crc32(memoryview(self._buffer)[:-4])
        size = self.count * self.dtype.itemsize
        with storing(self.place.path), taken_back(self.descriptor, size):
            disk.write_all(self.descriptor, self._buffer)
        self.count += 1

    def require(self, rows: int) -> None:
        """Checks that there are `rows` intact rows to go on from; changes nothing.

        Raises:
            RunFolderError: if there are fewer.
        """
        require(self._table, rows)

    def truncate(self, rows: int) -> None:
        """Drops all rows from number `rows` on, as a resume from a checkpoint must.

        Raises:
            RunFolderError: if the table has fewer intact rows; nothing is cut then.
            StorageError: if it cannot be written.
        """
        if rows > self.count:
            raise _too_few(self._table, rows)
        self._cut(rows)

    def _describe(self, place: Place, attributes: Mapping[str, object]) -> None:
        if place.is_file() and self.place.is_file():
            if Table.open(place).dtype != self.dtype:
                raise RunFolderError(f"{place} describes other columns than this run's.")
            return
        document = {"schema": SCHEMA, "dtype": self.dtype.descr, **attributes}
        place.parent.mkdir()
        place.replace((json.dumps(document) + "\n").encode())

    def _cut(self, rows: int) -> None:
        size = rows * self.dtype.itemsize
        if os.fstat(self.descriptor).st_size != size:
            aside.keep(self.place, self.descriptor, size)
            self._table.refresh()
            self.place.produce(lambda target: self._table.copy_to(target, rows))
            fresh = self.place.append_descriptor()
            os.close(self.descriptor)
            self.descriptor = fresh
        self.count, self._settled = rows, True


def require(table: Table, rows: int) -> None:
    """Checks that the table has `rows` intact rows.

    Raises:
        RunFolderError: if it has fewer; the sentence says what can be done.
    """
    if rows > table.count:
        raise _too_few(table, rows)


def _too_few(table: Table, rows: int) -> RunFolderError:
    reason = table.damaged or f"{table.place} ends after row {table.count - 1}."
    return RunFolderError(
        f"{reason} The checkpoint goes on from row {rows}, so this run cannot be resumed as it is; "
        "nothing was changed. With --restart it is trained again from the start, and what is there "
        "is kept beside."
    )
