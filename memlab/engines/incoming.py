"""What another machine sends of a stack, put into the run folder: checked as a stranger's.

Only files of the stack are taken, of the sizes that they can have. Rows are taken by number, so
that those that come twice are there once; those of an older attempt at the stack are refused. A
checkpoint is taken after the rows that it counts on, and read before it is taken.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from memlab import disk, strict_json
from memlab.atomic import storing, taken_back
from memlab.engines.stack_files import PIECE, StackFiles, place_of
from memlab.errors import RunFolderError, TrainingFailed
from memlab.runs import columns, documents, table, table_writer
from memlab.runs.committee_sums import HEADER_FILE as COMMITTEE_FILE
from memlab.runs.committee_sums import CommitteeHeader
from memlab.runs.ledger import HEADER_FILE, LedgerHeader
from memlab.runs.outcomes import HEADER_FILE as OUTCOMES_FILE
from memlab.runs.outcomes import OutcomeHeader
from memlab.runs.run_folder import RunFolder
from memlab.runs.table import Table
from memlab.runs.table_writer import TableWriter
from memlab.strict_json import whole
from memlab.training import checkpoint
from memlab.training.plan import StackPlan
from memlab.worker import recovery

#: What no checkpoint and no array of one stack reaches.
MOST_CHECKPOINT, MOST_ARRAY = 1 << 35, 1 << 30


class Refused(TrainingFailed):
    """Something that no machine of ours sends."""


class Incoming:
    """One stack of a run in `folder`; call `begin` before each attempt to train it."""

    def __init__(
        self, folder: RunFolder, plan: StackPlan, instruments: list[str], keep: int
    ) -> None:
        self.attempt = 0
        #: The update of the newest checkpoint; -1 where there is none.
        self.update = -1
        self.refused = 0
        self._folder = folder
        self._plan = plan
        self._keep = keep
        self._files = StackFiles(plan.index, instruments)
        self._dtypes: dict[str, np.dtype[np.void]] = {}
        self._counts: dict[str, int] = {}
        self._unsynced: set[str] = set()
        self._parts: dict[str, bytearray] = {}

    def begin(self) -> dict[str, bytes]:
        """Begins the next attempt at the newest checkpoint: the files that it goes on from.

        Rows after that checkpoint are kept beside.

        Raises:
            RunFolderError, StorageError: if something cannot be read or kept.
        """
        self.attempt += 1
        self._parts.clear()
        newest = checkpoint.newest(self._folder.checkpoints, self._plan.index)
        counted = {}
        self.update = -1
        if newest is not None:
            self.update = newest[0].update
            counted = {
                recovery.table_of(self._folder, self._plan, name).name: rows
                for name, rows in newest[0].rows.items()
            }
        for name in self._files.tables:
            self._cut(name, counted.get(name.rpartition("/")[2], 0))
        return self._base() if newest is not None else {}

    def _cut(self, name: str, rows: int) -> None:
        place = place_of(self._folder, name)
        if table.schema_place(place).info() is None:
            return
        found = Table.open(place, thorough=True)
        columns: Any = found.dtype.descr[1:-1]
        with TableWriter(place, columns) as writer:
            table_writer.require(found, rows)
            writer.truncate(rows)
        self._dtypes[name], self._counts[name] = found.dtype, rows

    def _base(self) -> dict[str, bytes]:
        names = [*self._files.histories(), *self._files.wholes()]
        names += [f"{name}{suffix}" for name in self._files.tables for suffix in (".json", ".rows")]
        last = checkpoint.found(self._folder.checkpoints, self._plan.index)[-1][1]
        names.append(f"checkpoints/{last.name}")
        places = {name: place_of(self._folder, name) for name in names}
        return {
            name: place.read(MOST_CHECKPOINT)
            for name, place in places.items()
            if place.info() is not None
        }

    def take(self, attempt: int, about: Mapping[str, object], data: bytes) -> bool:
        """Takes one piece; False where it is of an older attempt.

        Raises:
            Refused: if it is nothing that training this stack makes.
            StorageError: if it cannot be written.
        """
        if attempt != self.attempt:
            self.refused += 1
            return False
        name, at, size = about.get("file"), whole(about.get("at"), 0), whole(about.get("size"), 1)
        if not isinstance(name, str) or at is None or size is None or not self._files.is_own(name):
            raise self._wrong(name, "which is no file of it")
        longest = max(PIECE, self._width(name))
        if not data or len(data) > longest or at + len(data) > size:
            raise self._wrong(name, "in pieces that do not fit")
        try:
            if self._files.is_rows(name):
                self._append(name.removesuffix(".rows"), at, data)
            elif name in self._files.histories():
                self._patch(name, at, size, data)
            else:
                self._gather(name, at, size, data)
        except (ValueError, TypeError, KeyError) as error:
            raise self._wrong(name, f"which is damaged: {error}") from error
        return True

    def _wrong(self, name: object, why: str) -> Refused:
        return Refused(
            f"A machine of the cluster sent {str(name)[:80]!r} for stack {self._plan.index}, {why}."
            " It was not taken; everything up to the newest checkpoints is kept."
        )

    def _width(self, name: str) -> int:
        dtype = self._dtypes.get(name.removesuffix(".rows"))
        return 0 if dtype is None else dtype.itemsize

    def _append(self, name: str, at: int, data: bytes) -> None:
        """Rows of a table; those that are there already are passed over."""
        dtype, count = self._dtypes[name], self._counts[name]
        first, rest = divmod(at, dtype.itemsize)
        if rest or first > count:
            raise ValueError("rows before it are missing")
        rows = table.rows_of(dtype, first, data)[count - first :]
        if not len(rows):
            return
        place = table.rows_place(place_of(self._folder, name))
        descriptor = place.append_descriptor()
        try:
            with storing(place.path), taken_back(descriptor, count * dtype.itemsize):
                disk.write_all(descriptor, rows.tobytes())
        finally:
            os.close(descriptor)
        self._counts[name] = count + len(rows)
        self._unsynced.add(name)

    def _patch(self, name: str, at: int, size: int, data: bytes) -> None:
        """A block of the ledger's history, which has its full size from the start."""
        if size > MOST_ARRAY:
            raise ValueError("it is too large")
        place = place_of(self._folder, name)
        self._make_ledger()
        found = place.info()
        if found is None:
            place.produce(lambda descriptor: disk.truncate(descriptor, size))
        elif found.st_size != size:
            raise ValueError("it is not of the size that it was")
        descriptor = place.writing_descriptor()
        try:
            with storing(place.path):
                disk.pwrite_all(descriptor, data, at)
        finally:
            os.close(descriptor)

    def _make_ledger(self) -> None:
        place_of(self._folder, self._files.ledger).mkdir()

    def _gather(self, name: str, at: int, size: int, data: bytes) -> None:
        """A piece of a file that is replaced as a whole, once all are there."""
        update = self._files.checkpoint_update(name)
        parts = self._parts.setdefault(name, bytearray())
        if size > (MOST_ARRAY if update is None else MOST_CHECKPOINT) or at != len(parts):
            self._parts.pop(name)
            raise ValueError("it is too large, or a piece of it is missing")
        parts += data
        if len(parts) < size:
            return
        made = bytes(self._parts.pop(name))
        if update is not None:
            self._keep_checkpoint(name, update, made)
        elif self._files.is_description(name):
            self._describe(name, made)
        else:
            self._make_ledger()
            if name.endswith(HEADER_FILE):
                self._check_header(made)
            if name.endswith(OUTCOMES_FILE):
                self._check_outcomes(made)
            if name.endswith(COMMITTEE_FILE):
                self._check_committee(made)
            place_of(self._folder, name).replace(made)

    def _describe(self, name: str, made: bytes) -> None:
        """A table's description; a table that is there stays as it is described."""
        document = strict_json.loads(made) if len(made) <= documents.SMALL_BYTES else None
        if not isinstance(document, dict):
            raise ValueError("it describes no table")
        dtype = table.dtype_from(document.get("dtype"))
        key = name.removesuffix(".json")
        evaluations = columns.evaluations(len(self._plan.members))
        if key == self._files.tables[0] and dtype != table.row_dtype(evaluations):
            raise ValueError("it has other columns than evaluations have")
        if key in self._dtypes:
            if self._dtypes[key] != dtype:
                raise ValueError("it has other columns than before")
            return
        place_of(self._folder, name).replace(made)
        self._dtypes[key], self._counts[key] = dtype, 0

    def _check_header(self, made: bytes) -> None:
        document = strict_json.loads(made) if len(made) <= documents.LARGE_BYTES else None
        header = LedgerHeader.of(document) if isinstance(document, dict) else None
        plan = self._plan
        if header is None or header.stack != plan.index or list(header.members) != plan.indices:
            raise ValueError("it is the ledger of other networks")
        if header.examples != plan.timeline.train_examples:
            raise ValueError("it is the ledger of other examples")

    def _check_outcomes(self, made: bytes) -> None:
        document = strict_json.loads(made) if len(made) <= documents.LARGE_BYTES else None
        header = OutcomeHeader.of(document) if isinstance(document, dict) else None
        plan = self._plan
        if header is None or header.stack != plan.index or list(header.members) != plan.indices:
            raise ValueError("it has the outcomes of other networks")

    def _check_committee(self, made: bytes) -> None:
        document = strict_json.loads(made) if len(made) <= documents.LARGE_BYTES else None
        header = CommitteeHeader.of(document) if isinstance(document, dict) else None
        plan = self._plan
        if header is None or header.stack != plan.index or list(header.members) != plan.indices:
            raise ValueError("it is a committee of other networks")

    def _keep_checkpoint(self, name: str, update: int, made: bytes) -> None:
        """Takes a checkpoint; what it counts on is made durable first."""
        place = place_of(self._folder, name)
        try:
            progress, _ = checkpoint.parsed(made, place)
        except RunFolderError as error:
            raise ValueError(str(error)) from error
        if progress.stack != self._plan.index or progress.update != update:
            raise ValueError("it is not what its name says")
        for counted, rows in progress.rows.items():
            known = recovery.table_of(self._folder, self._plan, counted).name
            if rows > self._counts.get(f"series/{known}", 0):
                raise ValueError(f"it counts on {rows} rows of {known[:80]}, which are not there")
        self._sync()
        place.replace(made)
        checkpoint.thin(self._folder.checkpoints, self._plan.index, self._keep)
        self.update = max(self.update, update)

    def _sync(self) -> None:
        names = [f"{name}.rows" for name in self._unsynced]
        self._unsynced.clear()
        for name in (*names, *self._files.histories()):
            place = place_of(self._folder, name)
            if place.info() is None:
                continue
            descriptor = place.writing_descriptor()
            try:
                with storing(place.path):
                    disk.sync(descriptor)
            finally:
                os.close(descriptor)
