"""The ledger's files as the worker writes them; what they hold is `memlab.runs.ledger`.

Scores are replaced as a whole, so that a reader sees one evaluation; the history has its full size
from the start and is filled row by row with plain writes, because a full disk must be an error and
not the signal that a memory map would raise.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab import disk
from memlab.atomic import storing
from memlab.errors import RunFolderError
from memlab.runs import documents, npy
from memlab.runs.door import OpenPlace, Place
from memlab.runs.ledger import HEADER_FILE, HISTORY, LABEL, SCHEMA, SCORES, LedgerHeader


@dataclass(frozen=True)
class LedgerLimits:
    """How large the optional arrays of one stack may be, in bytes.

    The history keeps every evaluation while it fits, else every 2nd, 4th, 8th …; votes and
    pictures are there as a whole or not at all.
    """

    history_bytes: int = 256 << 20
    votes_bytes: int = 64 << 20
    pictures_bytes: int = 32 << 20


@dataclass(frozen=True, eq=False)
class LedgerFacts:
    """What is known of a stack's examples before training.

    `members` are indices in the run; `index` and `true` are `[examples]`; `given` and `corrupted`
    have one `[examples]` array per member; `evaluations` is the most that there will be, the one
    before training included; `pictures` is uint8 `[examples, height, width]`; `files` names the
    file of each example where the dataset is a folder of files; `fake_class` says that the last
    class is that of threshold samples.
    """

    stack: int
    dataset: str
    members: Sequence[int]
    class_names: Sequence[str]
    index: NDArray[np.int64]
    true: NDArray[np.int64]
    given: Sequence[NDArray[np.int64]]
    corrupted: Sequence[NDArray[np.bool_]]
    evaluations: int
    pictures: NDArray[np.uint8] | None = None
    files: Sequence[str] | None = None
    fake_class: bool = False
    limits: LedgerLimits = field(default_factory=LedgerLimits)


class LedgerStore:
    """`examples/stack-NNN/`, new or taken up again."""

    def __init__(self, folder: Place, facts: LedgerFacts) -> None:
        """Writes what is known before training; what is there already stays.

        Raises:
            RunFolderError: if another ledger is there, or one that cannot be read.
            StorageError: if it cannot be written.
        """
        self.folder = folder
        folder.parent.mkdir()
        folder.mkdir()
        labelling, first = _labellings(facts)
        self.given = np.stack([facts.given[i] for i in first]).astype(LABEL)
        corrupted = np.stack([facts.corrupted[i] for i in first]).astype(np.bool_)
        self.header = _header(facts, labelling, len(first), _presentations(folder))
        self._arrays = self.header.arrays()
        static = {
            "index": np.asarray(facts.index, "<i8"),
            "true": np.asarray(facts.true, LABEL),
            "given": self.given,
            "corrupted": corrupted,
        }
        if self.header.picture is not None:
            static["pictures"] = np.asarray(facts.pictures, "|u1")
        self._describe(static)
        self._history = _History(folder, self.header) if self.header.history_rows else None

    def _describe(self, static: Mapping[str, NDArray[Any]]) -> None:
        text = (json.dumps(self.header.document()) + "\n").encode()
        place = self.folder / HEADER_FILE
        if place.info() is not None:
            if place.read(documents.LARGE_BYTES) == text:
                return
            raise RunFolderError(
                f"{place} describes another ledger than this run's; nothing was changed. With "
                "--restart its networks are trained again, and what is there is kept beside."
            )
        for name, array in static.items():
            self.replace(name, array)
        members, examples = len(self.header.members), self.header.examples
        for name in ("scores", "members", "presentations", "votes"):
            if name in self._arrays:
                dtype, shape = self._arrays[name]
                empty = np.zeros(shape, dtype)
                if name == "scores":
                    empty = unlearned(members, examples)
                self.replace(name, empty)
        place.replace(text)

    def replace(self, name: str, array: NDArray[Any]) -> None:
        """Replaces `NAME.npy`.

        Raises:
            ValueError: if shape or dtype are not the declared ones.
            StorageError: if it cannot be written.
        """
        dtype, shape = self._arrays[name]
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(f"{name}: {array.dtype} {array.shape} is not {dtype} {shape}")
        npy.replace(self.folder / f"{name}.npy", array)

    def keeps(self, evaluation: int) -> bool:
        """Whether evaluation number `evaluation`, from 0, has a row in the history."""
        due = evaluation % self.header.history_stride == 0
        return due and evaluation // self.header.history_stride < self.header.history_rows

    def append(
        self, evaluation: int, epoch: float, values: Mapping[str, NDArray[np.generic]]
    ) -> None:
        """Writes the history's row of an evaluation that `keeps`; arrays `[members, examples]`.

        Raises:
            StorageError: if the disk does not take it.
        """
        assert self._history is not None
        self._history.write(evaluation // self.header.history_stride, epoch, values)

    def truncate(self, evaluations: int) -> None:
        """Forgets the rows of all evaluations from number `evaluations` on.

        Raises:
            RunFolderError: if rows before that are missing.
            StorageError: if it cannot be written.
        """
        if self._history is not None:
            rows = -(-evaluations // self.header.history_stride)
            self._history.truncate(min(rows, self.header.history_rows))

    def sync(self) -> None:
        """Makes the history survive a power failure; before a checkpoint counts on it."""
        if self._history is not None:
            self._history.sync()

    def close(self) -> None:
        """Closes the files."""
        if self._history is not None:
            self._history.close()


def unlearned(members: int, examples: int) -> NDArray[np.void]:
    """Scores before the first evaluation."""
    made = np.zeros((members, examples), SCORES)
    made["first_learned"] = made["learned_for_good"] = np.inf
    made["aum"] = made["aum_best"] = made["mean_loss"] = np.nan
    made["predicted"] = -1
    return made


def _labellings(facts: LedgerFacts) -> tuple[list[int], list[int]]:
    """Which labelling each member has, and the first member of each labelling."""
    known: dict[bytes, int] = {}
    labelling, first = [], []
    for member, (given, corrupted) in enumerate(zip(facts.given, facts.corrupted, strict=True)):
        identity = given.tobytes() + np.packbits(corrupted).tobytes()
        if identity not in known:
            known[identity] = len(known)
            first.append(member)
        labelling.append(known[identity])
    return labelling, first


def _presentations(folder: Place) -> bool:
    """Whether presentations are counted: in all ledgers but those that began without.

    Raises:
        RunFolderError: if the ledger that is there cannot be read.
    """
    place = folder / HEADER_FILE
    if place.info() is None:
        return True
    kept = documents.read(place, documents.LARGE_BYTES, SCHEMA).get("presentations", False)
    return kept is True


def _header(
    facts: LedgerFacts, labelling: Sequence[int], labellings: int, presentations: bool
) -> LedgerHeader:
    limits, examples, classes = facts.limits, len(facts.index), len(facts.class_names)
    pictures = facts.pictures
    shown = pictures is not None and pictures.nbytes <= limits.pictures_bytes
    header = LedgerHeader(
        stack=facts.stack,
        dataset=facts.dataset,
        members=tuple(int(member) for member in facts.members),
        labelling=tuple(labelling),
        examples=examples,
        class_names=tuple(facts.class_names),
        history_rows=0,
        history_stride=1,
        votes=4 * labellings * examples * classes <= limits.votes_bytes,
        picture=(pictures.shape[1], pictures.shape[2]) if shown and pictures is not None else None,
        files=None if facts.files is None else tuple(facts.files),
        fake_class=facts.fake_class,
        presentations=presentations,
    )
    row = len(facts.members) * examples * (4 + header.predicted_dtype.itemsize)
    rows, stride = history_room(facts.evaluations, row, limits.history_bytes)
    document = header.document() | {"history_rows": rows, "history_stride": stride}
    return LedgerHeader.of(document)


def history_room(evaluations: int, row_bytes: int, limit: int) -> tuple[int, int]:
    """(rows, stride): the smallest power of two at which the history fits; 0 rows if none does."""
    stride = 1
    while stride < evaluations and -(-evaluations // stride) * row_bytes > limit:
        stride *= 2
    rows = -(-evaluations // stride)
    return (rows, stride) if rows * row_bytes <= limit else (0, 1)


class _History:
    """The history's files, each opened once; the epoch is written last and makes a row count."""

    def __init__(self, folder: Place, header: LedgerHeader) -> None:
        self._files = {}
        arrays = header.arrays()
        for name in (*HISTORY, "epoch"):
            dtype, shape = arrays[f"history-{name}"]
            self._files[name] = _RowFile(folder / f"history-{name}.npy", dtype, shape)

    def write(self, row: int, epoch: float, values: Mapping[str, NDArray[np.generic]]) -> None:
        for name in HISTORY:
            self._files[name].write(row, values[name])
        self._files["epoch"].write(row, np.float64(epoch))

    def truncate(self, rows: int) -> None:
        file = self._files["epoch"]
        epoch = file.read()
        if not np.isfinite(epoch[:rows]).all():
            raise RunFolderError(f"{file.place} has too few rows to go on from the checkpoint.")
        for row in np.flatnonzero(np.isfinite(epoch[rows:])) + rows:
            file.write(int(row), np.float64(np.nan))

    def sync(self) -> None:
        for file in self._files.values():
            file.sync()

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class _RowFile(OpenPlace):
    """One `.npy` file of full size, written row by row in place; created sparse."""

    def __init__(self, place: Place, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self.place, self._dtype, self._shape = place, dtype, shape
        buffer = io.BytesIO()
        described = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(buffer, described)
        head = buffer.getvalue()
        self._start = len(head)
        self._row = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
        size = self._start + shape[0] * self._row
        if place.info() is None:
            place.produce(lambda descriptor: self._fill(descriptor, head, size))
        elif not _is_whole(place, head, size):
            raise RunFolderError(
                f"{place} is damaged: it is not this run's history; nothing was changed. With "
                "--restart its networks are trained again, and what is there is kept beside."
            )
        self.descriptor = place.writing_descriptor()

    def _fill(self, descriptor: int, head: bytes, size: int) -> None:
        disk.write_all(descriptor, head)
        if self._dtype.kind == "f" and len(self._shape) == 1:
            disk.write_all(descriptor, np.full(self._shape, np.nan, self._dtype).tobytes())
        disk.truncate(descriptor, size)

    def write(self, row: int, values: NDArray[np.generic] | np.generic) -> None:
        view = memoryview(np.ascontiguousarray(values, self._dtype).tobytes())
        if view.nbytes != self._row or not 0 <= row < self._shape[0]:
            raise ValueError(f"{self.place.name}: row {row} of {view.nbytes} bytes does not fit")
        position = self._start + row * self._row
        with storing(self.place.path):
            disk.pwrite_all(self.descriptor, view, position)

    def read(self) -> NDArray[Any]:
        data = self.place.pread(self.descriptor, self._shape[0] * self._row, self._start)
        return np.frombuffer(data, self._dtype)


def _is_whole(place: Place, head: bytes, size: int) -> bool:
    with place.reading() as descriptor:
        same = os.fstat(descriptor).st_size == size
        return same and place.pread(descriptor, len(head), 0) == head
