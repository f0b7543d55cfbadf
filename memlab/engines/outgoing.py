"""What a stack's files have that the run's leader does not know yet: new rows, changed blocks.

Looked at between two updates only, when nobody writes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from memlab.engines.stack_files import PIECE, StackFiles, place_of
from memlab.runs import documents
from memlab.runs.run_folder import RunFolder
from memlab.runs.table import dtype_from

#: A text, JSON, and the bytes that it speaks of: all that crosses between machines.
Message = tuple[str, bytes]


class Outgoing:
    """Follows the files of one stack in `folder`; what is there already is known to the leader."""

    def __init__(self, folder: RunFolder, files: StackFiles) -> None:
        self._folder = folder
        self._files = files
        self._sizes: dict[str, int] = {}
        self._widths: dict[str, int] = {}
        self._blocks: dict[str, list[bytes]] = {}
        self._zeros: dict[int, bytes] = {}
        for _ in self.everything():
            pass

    def rows(self) -> Iterator[Message]:
        """New rows, before them the description of a new table."""
        for table in self._files.tables:
            name = f"{table}.rows"
            size = self._size(name)
            known = self._sizes.get(name, 0)
            if size == known:
                continue
            if not known:
                yield from self._whole(f"{table}.json")
            step = self._step(table)
            for at in range(known, size, step):
                yield self._piece(name, at, size, step)
            self._sizes[name] = size

    def everything(self) -> Iterator[Message]:
        """The ledger's changes and new rows."""
        for name in self._files.histories():
            yield from self._changed(name, whole=False)
        for name in self._files.wholes():
            yield from self._changed(name, whole=True)
        yield from self.rows()

    def checkpoint(self, file: str) -> Iterator[Message]:
        """The checkpoint of that name, and all that has to be there before it."""
        yield from self.everything()
        yield from self._whole(f"checkpoints/{file}")

    def _step(self, table: str) -> int:
        """Bytes of as many whole rows as a piece may have; of one at least."""
        if table not in self._widths:
            document = documents.read(place_of(self._folder, f"{table}.json"))
            self._widths[table] = dtype_from(document["dtype"]).itemsize
        return max(1, PIECE // self._widths[table]) * self._widths[table]

    def _size(self, name: str) -> int:
        found = place_of(self._folder, name).info()
        return 0 if found is None else found.st_size

    def _whole(self, name: str) -> Iterator[Message]:
        size = self._size(name)
        for at in range(0, size, PIECE):
            yield self._piece(name, at, size)

    def _changed(self, name: str, whole: bool) -> Iterator[Message]:
        size = self._size(name)
        before = self._blocks.get(name, [])
        now = [self._digest(name, at, size) for at in range(0, size, PIECE)]
        if now == before:
            return
        self._blocks[name] = now
        if whole:
            yield from self._whole(name)
            return
        for block, digest in enumerate(now):
            length = min(PIECE, size - block * PIECE)
            old = before[block] if block < len(before) else self._zero(length)
            if digest != old:
                yield self._piece(name, block * PIECE, size)

    def _zero(self, length: int) -> bytes:
        if length not in self._zeros:
            self._zeros[length] = hashlib.blake2b(bytes(length)).digest()
        return self._zeros[length]

    def _digest(self, name: str, at: int, size: int) -> bytes:
        return hashlib.blake2b(self._read(name, at, min(PIECE, size - at))).digest()

    def _read(self, name: str, at: int, count: int) -> bytes:
        place = place_of(self._folder, name)
        with place.reading() as descriptor:
            return place.pread(descriptor, count, at)

    def _piece(self, name: str, at: int, size: int, most: int = PIECE) -> Message:
        about = {"kind": "piece", "file": name, "at": at, "size": size}
        return json.dumps(about), self._read(name, at, min(most, size - at))
