"""What a person said of a run's suspects: `review.jsonl`, on disk the moment it is said.

An event log of its own: a line opens it and says its version, then a line for each verdict and each
undo. An undo is an event as well: nothing that was said is ever cut. What a verdict does to the
data is `memlab.library.correcting`; which examples are asked about is `memlab.reports.review_list`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from memlab import disk
from memlab.errors import RunFolderError
from memlab.runs.documents import SCHEMA_KEY
from memlab.runs.event_log import Event, EventLog, EventReader
from memlab.runs.lock import try_lock
from memlab.runs.origin import require_ours
from memlab.runs.run_folder import RunFolder
from memlab.strict_json import whole

SCHEMA: Final = 1
BEGUN, VERDICT, UNDO = "review", "verdict", "undo"
#: The label is right; another one is; the example goes; nothing was decided.
Kind = Literal["right", "label", "drop", "skip"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True)
class Verdict:
    """What was said of the example in row `index` of the data; `label` where another one is right.

    `seq` is the number of its event.
    """

    index: int
    kind: Kind
    label: int | None = None
    seq: int = 0

    @property
    def decided(self) -> bool:
        """Whether it says anything about the label."""
        return self.kind != "skip"


@dataclass(frozen=True)
class Review:
    """The verdicts that hold, by example and in the order of their giving.

    `damaged` counts lines that are no verdicts, which are left out.
    """

    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    given: tuple[Verdict, ...] = ()
    damaged: int = 0

    @property
    def judged(self) -> int:
        """Examples of which it was said what their label is, or that they go."""
        return sum(verdict.decided for verdict in self.verdicts.values())

    @property
    def wrong(self) -> int:
        """Those whose given label is not right."""
        return sum(verdict.kind in ("label", "drop") for verdict in self.verdicts.values())


def replayed(events: Iterable[Event], skipped: int = 0) -> Review:
    """The review that these events make; `skipped` lines were no events.

    An undo takes back the verdict that it names, whatever was said since; the verdict on the same
    example before it then holds again.

    Raises:
        RunFolderError: if they were written by a newer memlab.
    """
    given: dict[int, Verdict] = {}
    for event in events:
        if event.type == BEGUN:
            _check_version(event)
        elif event.type == VERDICT and (verdict := _verdict(event)) is not None:
            given[event.seq] = verdict
        elif event.type == UNDO and (of := whole(event.data.get("of"))) in given:
            assert of is not None
            del given[of]
        else:
            skipped += 1
    return _review(list(given.values()), skipped)


def _review(given: Sequence[Verdict], damaged: int) -> Review:
    return Review({verdict.index: verdict for verdict in given}, tuple(given), damaged)


def _verdict(event: Event) -> Verdict | None:
    index, label = whole(event.data.get("index"), 0), event.data.get("label")
    kind = next((kind for kind in KINDS if kind == event.data.get("verdict")), None)
    if index is None or kind is None or (whole(label, 0) is not None) != (kind == "label"):
        return None
    return Verdict(index, kind, whole(label, 0), event.seq)


def _check_version(event: Event) -> None:
    version = whole(event.data.get(SCHEMA_KEY), 1)
    if version is None:
        raise RunFolderError("The review is damaged: its schema version is no number.")
    if version > SCHEMA:
        raise RunFolderError(
            f"The review was written by a newer memlab (schema {version}, this one reads up to "
            f"{SCHEMA}); update memlab to go on with it."
        )


def read_review(folder: RunFolder) -> Review:
    """What was said so far; nothing where there is no review.

    A torn last line is normal and left out.

    Raises:
        RunFolderError: if it cannot be read, or was written by a newer memlab.
    """
    reader = EventReader(folder.review)
    return replayed(reader.read(strict=True), reader.skipped)


def check(review: Review, indices: Iterable[int], classes: int) -> None:
    """Checks that the verdicts are on these examples, with labels from 0 to `classes` − 1.

    Raises:
        RunFolderError: naming the example and the label; the review belongs to other data then.
    """
    known = set(indices)
    for verdict in review.verdicts.values():
        if verdict.index not in known:
            raise RunFolderError(
                f"The review has a verdict on example {verdict.index:,}, which is none of the "
                f"{len(known):,} that were judged; review.jsonl belongs to another run."
            )
        if verdict.label is not None and verdict.label >= classes:
            raise RunFolderError(
                f"The review gives example {verdict.index:,} the label {verdict.label:,}, but "
                f"there are {classes} classes, 0 to {classes - 1}; review.jsonl belongs to another "
                "run."
            )


class ReviewLog(disk.OpenFile):
    """The writer, one at a time: every verdict is on the disk before `give` returns."""

    def __init__(self, folder: RunFolder) -> None:
        """Opens or begins the review.

        Raises:
            RunFolderError: if the run came from elsewhere, another process reviews it, or what is
                there cannot be read or is of a newer version.
            StorageError: if it cannot be written.
        """
        require_ours(folder, "reviewed")
        self.review = read_review(folder)
        place = folder.review
        self.descriptor = place.append_descriptor()
        self._log: EventLog | None = None
        try:
            if not try_lock(self.descriptor):
                raise RunFolderError(f"{folder.id} is being reviewed in another window.")
            self.review = read_review(folder)
            self._log = EventLog(place)
            if not os.fstat(self.descriptor).st_size:
                self._append(BEGUN, **{SCHEMA_KEY: SCHEMA})
                folder.place.sync()
        except BaseException:
            self.close()
            raise

    def give(self, index: int, kind: Kind, label: int | None = None) -> Verdict:
        """Says it of an example; it is on the disk when this returns.

        Raises:
            StorageError: if it could not be written; it then does not hold.
        """
        assert (label is not None) == (kind == "label"), (kind, label)
        more: dict[str, object] = {} if label is None else {"label": label}
        event = self._append(VERDICT, index=index, verdict=kind, **more)
        verdict = Verdict(index, kind, label, event.seq)
        self.review = _review([*self.review.given, verdict], self.review.damaged)
        return verdict

    def undo(self) -> Verdict | None:
        """Takes back what was said last, and returns it; None where nothing holds.

        Raises:
            StorageError: if that could not be written; the verdict then still holds.
        """
        if not self.review.given:
            return None
        last = self.review.given[-1]
        self._append(UNDO, of=last.seq)
        self.review = _review(self.review.given[:-1], self.review.damaged)
        return last

    def _append(self, type: str, **data: object) -> Event:
        assert self._log is not None
        event = self._log.append(type, **data)
        self._log.sync()
        return event

    def close(self) -> None:
        """Lets another process review."""
        if self._log is not None:
            self._log.close()
        super().close()
