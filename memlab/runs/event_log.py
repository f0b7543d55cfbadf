"""What happens sparsely in a run: `events.jsonl`, append-only, one JSON object a line.

A torn last line is normal and waited for; a line of garbage is counted and skipped.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from memlab.atomic import storing, write_all
from memlab.strict_json import loads, number, whole

EVENTS_FILE = "events.jsonl"
CHUNK = 1 << 22
LATEST = 2.0**36  # the year 4147 in unix time; no calendar here goes much further


@dataclass(frozen=True)
class Event:
    """One happening: its number in the log, unix time, type, and the rest of the object."""

    seq: int
    time: float
    type: str
    data: Mapping[str, object] = field(default_factory=dict)


class EventLog:
    """The writer. Opening it cuts a torn last line off and goes on counting after the last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seq = _last_seq(path)
        with storing(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            _cut_torn_line(self._descriptor)

    def append(self, type: str, /, **data: object) -> Event:
        """Appends one event with a single write.

        Raises:
            StorageError: if it cannot be written; a torn line is taken back.
        """
        assert not data.keys() & {"seq", "time", "type"}, data
        event = Event(self._seq + 1, time.time(), type, data)
        line = json.dumps({"seq": event.seq, "time": event.time, "type": type, **data}) + "\n"
        with storing(self.path):
            size = os.fstat(self._descriptor).st_size
            try:
                write_all(self._descriptor, line.encode())
            except OSError:
                os.ftruncate(self._descriptor, size)
                raise
        self._seq = event.seq
        return event

    def sync(self) -> None:
        """Makes what was appended survive a power failure."""
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


class EventReader:
    """Reads what is new since the last call; `skipped` counts lines that are no events."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.skipped = 0
        self._seq = 0

    def read(self) -> list[Event]:
        """The new complete events, in the order of the file; never raises on what is in it."""
        try:
            with open(self.path, "rb") as file:
                if os.fstat(file.fileno()).st_size < self.offset:
                    self.offset = self.skipped = 0
                file.seek(self.offset)
                return self._read(file.read())
        except OSError:
            return []

    def _read(self, data: bytes) -> list[Event]:
        end = data.rfind(b"\n") + 1
        self.offset += end
        events = []
        for line in data[:end].split(b"\n"):
            if not line.strip():
                continue
            event = parse(line)
            if event is None:
                self.skipped += 1
            elif event.seq > self._seq:
                self._seq = event.seq
                events.append(event)
        return events


def parse(line: bytes) -> Event | None:
    """The event on this line, or None where it is none."""
    try:
        document = loads(line)
        if not isinstance(document, dict):
            return None
        seq, type = whole(document.pop("seq")), document.pop("type")
        when = number(document.pop("time"), 0, LATEST)
        if seq is None or when is None or not isinstance(type, str):
            return None
        return Event(seq, when, type, document)
    except (ValueError, KeyError):
        return None


def _last_seq(path: Path) -> int:
    return max((event.seq for event in EventReader(path).read()), default=0)


def _cut_torn_line(descriptor: int) -> None:
    size = end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - CHUNK)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
