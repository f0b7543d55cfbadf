"""What happened in a run: its events, and what its worker printed. Bounded in memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import getters
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import RichLog

from memlab.errors import RunFolderError
from memlab.runs import documents
from memlab.runs.door import Place
from memlab.runs.event_log import LATEST, Event, EventReader
from memlab.strict_json import number
from memlab.text import plain
from memlab.tui.header import ShellHeader
from memlab.tui.live import LiveScreen
from memlab.tui.plain_lines import framed
from memlab.tui.shell import selected_folder
from memlab.tui.widgets.key_line import KeyLine

MAX_LINES = 2_000
TAIL_BYTES = 1 << 16
LOUD = ("failed", "member-diverged")
LONGEST_VALUE = 1_000  # characters


def event_text(event: Event) -> Text:
    """One event as a line: time of day, type, the rest."""
    rest = "  ".join(f"{name} {_short(value)}" for name, value in _told(event))
    style = "bold red" if event.type in LOUD else "bold"
    kind = f"{plain(event.type, LONGEST_VALUE):<16} "
    return Text.assemble((_clock(event.time) + "  ", "dim"), (kind, style), plain(rest))


def _told(event: Event) -> list[tuple[str, object]]:
    """What an event says to people."""
    return [
        (name, value)
        for name, value in event.data.items()
        if value != "" and name != documents.SCHEMA_KEY
    ]


def _clock(moment: float) -> str:
    """The time of day; dashes where no calendar has the moment."""
    known = number(moment, 0, LATEST)
    return "--:--:--" if known is None else time.strftime("%H:%M:%S", time.localtime(known))


def _short(value: object, depth: int = 2) -> str:
    if isinstance(value, list) and len(value) > 6:
        return f"{_short(value[0], 0)} … {_short(value[-1], 0)} ({len(value)})"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict) and depth:
        return ", ".join(f"{name} {_short(part, depth - 1)}" for name, part in value.items())
    return plain(value, LONGEST_VALUE)


class Tail:
    """The new lines of a growing text file; at first only its last 64 KiB."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.offset = -1

    def read(self) -> list[str]:
        """New lines since the last call, of the last 64 KiB; none where the file is missing."""
        try:
            with self.place.reading() as descriptor:
                size = os.fstat(descriptor).st_size
                if self.offset < 0 or not 0 <= size - self.offset <= TAIL_BYTES:
                    self.offset = max(0, size - TAIL_BYTES)
                data = self.place.pread(descriptor, size - self.offset, self.offset)
        except RunFolderError:
            return []
        self.offset += len(data)
        return data.decode("utf-8", "replace").splitlines()


Fresh = tuple[list[Event], list[str]]  # new events, and new lines of worker.log


class LogScreen(LiveScreen[Fresh]):
    """Events above, worker.log below; both follow until scrolled up."""

    CSS_PATH = "log.tcss"
    TITLE = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,l", "dismiss", "back", key_display="esc")
    ]

    events = getters.query_one("#events", RichLog)
    worker = getters.query_one("#worker", RichLog)

    def __init__(self) -> None:
        super().__init__()
        self._readers: tuple[EventReader, Tail] | None = None
        self._empty = True

    def compose(self) -> ComposeResult:
        yield ShellHeader("watch")
        yield RichLog(id="events", max_lines=MAX_LINES, wrap=True)
        yield RichLog(id="worker", max_lines=MAX_LINES, wrap=True)
        yield KeyLine()

    def on_mount(self) -> None:
        self.events.border_title, self.worker.border_title = "events", "worker.log"
        folder = selected_folder(self)
        if folder is not None:
            self._readers = EventReader(folder.events), Tail(folder.worker_log)
            self.worker.border_subtitle = framed(str(folder.worker_log))
            self.worker.focus()

    def question(self) -> Callable[[], Fresh] | None:
        if self._readers is None:
            return None
        events, tail = self._readers
        return lambda: (events.read(), tail.read())

    def complain(self, problem: str) -> None:
        self.show(([], [problem]))

    def show(self, frame: Fresh) -> None:
        """Appends what is new."""
        events, lines = frame
        for event in events:
            self.events.write(event_text(event))
        if self._empty and lines:
            self.worker.clear()
            self._empty = False
        elif self._empty and not self.worker.lines:
            self.worker.write(Text("The worker has printed nothing.", "italic dim"))
        for line in lines:
            self.worker.write(Text(plain(line)))
