"""Tables of runs whose rows carry an attempt: nothing is cut, and the latest attempt is read.

Whoever takes a training loop up again from step `since` writes on behind what is there, as the
next attempt. Rows of earlier attempts that lie beyond `since` are of a branch that was left; they
stay in the file and are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs.door import Place
from memlab.runs.table import Columns, Members, Table

UPDATE: Final = "update"
ATTEMPT: Final = "attempt"
SINCE: Final = "since"
#: Attempts of one table; nobody makes as many.
MOST_ATTEMPTS: Final = 10_000
#: What a table needs to be one of these, beside its update.
COLUMNS: Final[Columns] = ((ATTEMPT, "<i4"), (SINCE, "<i8"))


def has_attempts(dtype: np.dtype[np.void]) -> bool:
    """Whether rows of that type carry an attempt."""
    names = dtype.names or ()
    return all(
        name in names and not dtype[name].shape and dtype[name].kind in "iu"
        for name in (UPDATE, ATTEMPT, SINCE)
    )


class AttemptTable(Table):
    """A table as of its latest attempt; `count` are the rows in the file, `len` those read."""

    def __init__(
        self, place: Place, dtype: np.dtype[np.void], attributes: Mapping[str, object]
    ) -> None:
        super().__init__(place, dtype, attributes)
        self._forget()

    def _forget(self) -> None:
        self._taken = self._attempt = 0  # rows of the file that are looked at, and their last
        self._kept: NDArray[np.int64] = np.zeros(0, np.int64)  # those that are read
        self._updates: NDArray[np.int64] = np.zeros(0, np.int64)  # of each of them

    def __len__(self) -> int:
        return len(self._kept)

    def refresh(self, thorough: bool = False) -> bool:
        """As `Table.refresh`; a new attempt that leaves rows behind is another generation."""
        generation = self.generation
        changed = super().refresh(thorough)
        if self.generation != generation:
            self._forget()
        if self.count > self._taken:
            self._take(self._taken, self.count)
        return changed

    def _take(self, start: int, stop: int) -> None:
        update, attempt, since = (
            super(AttemptTable, self).read(name, start, stop) for name in (UPDATE, ATTEMPT, SINCE)
        )
        edges = np.flatnonzero(np.diff(attempt)) + 1
        if len(edges) > MOST_ATTEMPTS:
            raise RunFolderError(f"{self.place} has more attempts than anybody makes.")
        known, updates = self._kept, self._updates
        for part in np.split(np.arange(stop - start), edges):
            number = int(attempt[part[0]])
            if number < self._attempt:
                continue  # of an attempt that was left: nobody writes that
            if number > self._attempt:
                self._attempt = number
                there = updates <= int(since[part[0]])
                if not there.all():
                    self.generation += 1
                known, updates = known[there], updates[there]
            known = np.concatenate([known, part + start])
            updates = np.concatenate([updates, update[part].astype(np.int64)])
        self._taken, self._kept, self._updates = stop, known, updates

    def newest(self, count: int) -> NDArray[np.void]:
        """As `Table.newest`."""
        rows = self._kept[-count:] if count else self._kept[:0]
        if not len(rows):
            return np.zeros(0, self.dtype)
        with self.place.reading() as descriptor:
            block = self._block(descriptor, int(rows[0]), int(rows[-1]) + 1)
        found: NDArray[np.void] = block[rows - rows[0]]
        return found

    def read(
        self,
        column: str,
        start: int = 0,
        stop: int | None = None,
        members: Members = slice(None),
    ) -> NDArray[Any]:
        """As `Table.read`; rows are those of the latest attempt."""
        rows = self._kept[start:stop]
        if not len(rows):
            return super().read(column, 0, 0, members)
        first, last = int(rows[0]), int(rows[-1])
        found = super().read(column, first, last + 1, members)
        if len(found) != last + 1 - first:
            raise RunFolderError(f"{self.place} has lost rows while it was read.")
        return found[rows - first]
