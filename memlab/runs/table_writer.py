"""Writing a run's measurements: one fixed-width row a write, its number first, its checksum last.

Only the holder of the run's lock writes. Complete rows are never cut off in place, because a
viewer may have them mapped: dropping rows replaces the file.
"""

from __future__ import annotations

import json
import os
import secrets
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np

from memlab.atomic import storing, sync_folder, write_all, write_atomically
from memlab.errors import RunFolderError
from memlab.runs.table import (
    CHECKSUM,
    ROW,
    SCHEMA,
    Columns,
    Table,
    row_dtype,
    rows_path,
    schema_path,
)


class TableWriter:
    """Appends rows to a table, new or resumed."""

    def __init__(
        self, path: Path, columns: Columns, attributes: Mapping[str, object] | None = None
    ) -> None:
        """Creates the table at `path`, or reopens it after the last row that is intact.

        Args:
            path: in the series folder, with or without suffix.
            columns: numpy's descriptions `(name, type[, shape])`, without row and checksum.
            attributes: what to know about the table, such as `members` and `metrics`; JSON.

        Raises:
            RunFolderError: if there is a table of other columns.
            StorageError: if it cannot be written.
        """
        self.path = rows_path(path)
        self.dtype = row_dtype(columns)
        self._names = frozenset(self.dtype.names or ()) - {ROW, CHECKSUM}
        self._buffer = bytearray(self.dtype.itemsize)
        self._row = np.frombuffer(self._buffer, self.dtype, 1)
        self._describe(schema_path(path), dict(attributes or {}))
        with storing(self.path):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
            self._descriptor = os.open(self.path, flags, 0o666)
        self.count = 0
        self._recover(Table.open(path).count)

    def append(self, row: Mapping[str, object]) -> None:
        """Appends one row; `row` holds a value or array for every column.

        Raises:
            ValueError: if a column is missing or unknown.
            StorageError: if the disk does not take it; a torn row is taken back.
        """
        if row.keys() != self._names:
            raise ValueError(f"columns differ: {sorted(row.keys() ^ self._names)}")
        for name, value in row.items():
            self._row[name][0] = value
        self._row[ROW] = self.count
        self._row[CHECKSUM] = zlib.crc32(memoryview(self._buffer)[:-4])
        with storing(self.path):
            try:
                write_all(self._descriptor, self._buffer)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self.count * self.dtype.itemsize)
                raise
        self.count += 1

    def truncate(self, rows: int) -> None:
        """Drops all rows from number `rows` on, as a resume from a checkpoint must.

        Raises:
            RunFolderError: if the table has fewer intact rows.
            StorageError: if it cannot be written.
        """
        if rows > self.count:
            raise RunFolderError(
                f"{self.path} has {self.count} intact rows, but {rows} are needed to go on."
            )
        self._cut(rows)

    def sync(self) -> None:
        """Makes the rows survive a power failure; to be called before a checkpoint counts them."""
        with storing(self.path):
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Closes the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _describe(self, path: Path, attributes: Mapping[str, object]) -> None:
        if path.exists() and rows_path(path).exists():
            if Table.open(path).dtype != self.dtype:
                raise RunFolderError(f"{path} describes other columns than this run's.")
            return
        document = {"schema": SCHEMA, "dtype": self.dtype.descr, **attributes}
        with storing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, (json.dumps(document) + "\n").encode())

    def _recover(self, intact: int) -> None:
        with storing(self.path):
            self.count = os.fstat(self._descriptor).st_size // self.dtype.itemsize
            os.ftruncate(self._descriptor, self.count * self.dtype.itemsize)
        self._cut(intact)

    def _cut(self, rows: int) -> None:
        if rows == self.count:
            return
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}.tmp")
        with storing(self.path):
            try:
                descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
                _copy(self._descriptor, descriptor, rows * self.dtype.itemsize)
                os.fsync(descriptor)
                os.rename(temporary, self.path)
            except OSError:
                with suppress(OSError):
                    os.unlink(temporary)
                raise
            sync_folder(self.path.parent)
        os.close(self._descriptor)
        self._descriptor, self.count = descriptor, rows


def _copy(source: int, target: int, size: int) -> None:
    position = 0
    while position < size:
        data = os.pread(source, min(size - position, 1 << 24), position)
        if not data:
            raise OSError("the file ended early")
        write_all(target, data)
        position += len(data)
