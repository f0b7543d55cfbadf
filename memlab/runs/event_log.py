"""What happens sparsely in a run: `events.jsonl`, append-only, one JSON object a line.

A torn last line is normal and waited for; a line of garbage is counted and skipped. An event is
on disk before the state that follows from it is: who sees a state finds its event.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from memlab import disk, strict_json
from memlab.atomic import storing, taken_back
from memlab.errors import RunFolderError
from memlab.runs import aside
from memlab.runs.door import CHUNK, Missing, OpenPlace, Place
from memlab.strict_json import number, whole

EVENTS_FILE = "events.jsonl"
SCHEMA = 1
LINE_BYTES = 1 << 20  # a longer line is no event
MOST_EVENTS = 200_000  # of one log, for a reader; a run of 10,000 networks has a quarter
MOST_BYTES = 1 << 27  # of one log; what lies beyond is not of a run of ours
LATEST = 2.0**36  # the year 4147 in unix time; no calendar here goes much further


@dataclass(frozen=True)
class Event:
    """One happening: its number in the log, unix time, type, and the rest of the object."""

    seq: int
    time: float
    type: str
    data: Mapping[str, object] = field(default_factory=dict)


class EventLog(OpenPlace):
    """The writer. Opening it sets a torn last line aside and goes on counting after the last."""

    def __init__(self, place: Place) -> None:
        """Opens or makes the log.

        Raises:
            RunFolderError: if it cannot be read, or something other than a file is in its place.
            StorageError: if it cannot be written.
        """
        self.place = place
        reader = EventReader(place)
        reader.read(strict=True)
        self._seq = reader.seq
        self.descriptor = place.append_descriptor()
        try:
            aside.cut(place, self.descriptor, reader.offset)
        except BaseException:
            self.close()
            raise

    def append(self, type: str, /, **data: object) -> Event:
        """Appends one event with a single write.

        Raises:
            StorageError: if it cannot be written; a torn line is taken back.
        """
        assert not data.keys() & {"seq", "time", "type"}, data
        event = Event(self._seq + 1, time.time(), type, data)
        line = json.dumps({"seq": event.seq, "time": event.time, "type": type, **data}) + "\n"
        with storing(self.place.path):
            size = os.fstat(self.descriptor).st_size
            with taken_back(self.descriptor, size):
                disk.write_all(self.descriptor, line.encode())
        self._seq = event.seq
        return event


class EventReader:
    """Reads what is new since the last call; `skipped` counts lines that are no events."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.offset = 0
        self.skipped = 0
        self.seq = 0
        self.problem = ""
        self._events = 0

    def read(self, strict: bool = False) -> list[Event]:
        """The new complete events, in the order of the file; `problem` says why there are none.

        Raises:
            RunFolderError: if `strict` and the log is there and cannot be read.
        """
        try:
            with self.place.reading() as descriptor:
                self.problem = self._too_long(os.fstat(descriptor).st_size)
                if strict and self.problem:
                    raise RunFolderError(self.problem)
                return self._read(descriptor)
        except Missing:
            return []
        except RunFolderError as error:
            if strict:
                raise
            self.problem = str(error)
            return []

    def _too_long(self, size: int) -> str:
        if size <= MOST_BYTES:
            return ""
        return (
            f"{self.place} has {size:,} bytes, more than the log of any run; of it the first "
            f"{MOST_BYTES:,} are read."
        )

    def _read(self, descriptor: int) -> list[Event]:
        size = min(os.fstat(descriptor).st_size, MOST_BYTES)
        if size < self.offset:
            self.offset = self.skipped = 0
        events: list[Event] = []
        while self.offset < size:
            data = self.place.pread(descriptor, min(CHUNK, size - self.offset), self.offset)
            end = data.rfind(b"\n") + 1
            if not end:
                if len(data) < LINE_BYTES:
                    break  # torn, or being written
                end = len(data)  # part of a line that is too long to be one
            self.offset += end
            self._take(data[:end], events)
        return events

    def _take(self, lines: bytes, events: list[Event]) -> None:
        for line in lines.split(b"\n"):
            if not line.strip():
                continue
            event = parse(line) if len(line) <= LINE_BYTES else None
            if event is None or self._events >= MOST_EVENTS:
                self.skipped += 1
            elif event.seq > self.seq:
                self.seq = event.seq
                self._events += 1
                events.append(event)


def parse(line: bytes) -> Event | None:
    """The event on this line, or None where it is none."""
    try:
        document = strict_json.loads(line)
        if not isinstance(document, dict):
            return None
        seq, type = whole(document.pop("seq"), 0), document.pop("type")
        when = number(document.pop("time"), 0, LATEST)
        if seq is None or when is None or not isinstance(type, str):
            return None
        return Event(seq, when, type, document)
    except (ValueError, KeyError):
        return None
