"""What instruments said of how they measure, a sentence each: `instrument-note` events of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memlab.runs.event_log import Event
from memlab.text import plain

NOTE: Final = "instrument-note"
MOST, LONGEST = 8, 240  # sentences of an instrument, characters of one


def notes_of(events: Sequence[Event]) -> dict[str, tuple[str, ...]]:
    """The sentences by instrument, each once, in the order in which they were said."""
    found: dict[str, dict[str, None]] = {}
    for event in events:
        name, note = event.data.get("instrument"), event.data.get("note")
        if event.type == NOTE and isinstance(name, str) and isinstance(note, str) and note:
            said = found.setdefault(plain(name), {})
            if len(said) < MOST:
                said[plain(note, LONGEST)] = None
    return {name: tuple(said) for name, said in found.items()}
