"""The members of a run in one table, and one member's own page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from memlab.numbers import count
from memlab.tui import members_reader
from memlab.tui.axis_values import axis_title
from memlab.tui.header import ShellHeader
from memlab.tui.members_reader import MemberFrame, MemberRow, MembersFrame
from memlab.tui.screens.shell import HEIGHTS, WIDTHS, reason, selected_folder
from memlab.tui.watch_reader import WatchReader
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.columns import Column
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.table import LineTable

UPDATE_SECONDS = 0.5


class MembersTable(LineTable):
    """The members; sorting is in the footer here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "open member"),
        Binding("o", "sort_next", "sort by"),
        Binding("O", "sort_reverse", "reverse", key_display="O"),
    ]


def member_columns(axis: str) -> list[Column]:
    """The columns of the members' table."""
    figures = {
        "truth": ("truth", 3),
        "lies": ("lies", 0),
        "recovered": ("seen through", 2),
        "unseen": ("unseen", 0),
        "gap": ("gap", 0),
        "loss": ("train loss", 4),
    }
    return [
        Column("name", axis or "group"),
        Column("seed", "seed", 6, "right"),
        *(
            Column(key, title, max(8, len(title) + 2), "right", priority=priority)
            for key, (title, priority) in figures.items()
        ),
        Column("status", "status", 16),
    ]


class MembersScreen(Screen[None]):
    """All members of the selected run; pushed over Watch."""

    CSS_PATH = "members.tcss"
    TITLE = "Members"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back", key_display="esc")]

    @dataclass
    class Read(Message):
        """A thread has read the figures."""

        reader: WatchReader | None
        frame: MembersFrame | None
        rows: list[MemberRow]
        error: str = ""

    def __init__(self, group: str = "0") -> None:
        """`group` is the axis value whose first member has the cursor at the start."""
        super().__init__()
        self._group = group
        self._reader: WatchReader | None = None
        self._frame: MembersFrame | None = None
        self._rows: dict[str, MemberRow] = {}
        self._reading = False

    def compose(self) -> ComposeResult:
        """Lays the screen out."""
        yield ShellHeader("watch")
        yield Static("", id="heading", markup=False)
        yield MembersTable(member_columns(""), id="members", empty="reads the run")
        yield KeyLine()

    def on_mount(self) -> None:
        """Starts looking."""
        self.set_interval(UPDATE_SECONDS, self._tick)
        self._tick()

    def _tick(self) -> None:
        folder = selected_folder(self)
        if folder is not None and not self._reading and self.is_current:
            self._reading = True
            self._read(self.app.current_theme.dark, self.app.no_color)

    @work(thread=True, exit_on_error=False)
    def _read(self, dark: bool, plain: bool) -> None:
        try:
            reader = self._reader
            rows: list[MemberRow] = []
            if reader is None:
                folder = selected_folder(self)
                assert folder is not None
                reader = WatchReader(folder)
                rows = members_reader.member_rows(reader, dark, plain)
            frame = members_reader.read_members(reader)
            self.post_message(self.Read(reader, frame, rows))
        except Exception as error:
            self.post_message(self.Read(None, None, [], reason(error)))

    def on_members_screen_read(self, message: Read) -> None:
        """Shows what a thread has read."""
        self._reading = False
        table = self.query_one(MembersTable)
        if message.frame is None or message.reader is None:
            self.query_one("#heading", Static).update(message.error)
            return
        self._frame = message.frame
        if self._reader is not None:
            table.update_cells()
            return
        self._reader = message.reader
        self._rows = {row.key: row for row in message.rows}
        table.set_columns(member_columns(axis_title(message.reader.experiment)))
        table.set_rows(list(self._rows), self._cell)
        first = next((row.key for row in message.rows if row.group == self._group), None)
        if first is not None:
            table.move_to(first)
        self.query_one("#heading", Static).update(
            f"{count(len(self._rows))} members of {message.reader.folder.id}"
        )
        table.focus()

    def _cell(self, row_key: str, column: str) -> object:
        row = self._rows[row_key]
        if column == "name":
            return row.name
        if column == "seed":
            return str(row.seed)
        assert self._frame is not None
        if column == "status":
            return self._frame.status(int(row_key))
        return self._frame.cell(int(row_key), column)

    def on_line_table_row_selected(self, message: LineTable.RowSelected) -> None:
        """Opens the member of the row."""
        self.app.push_screen(MemberScreen(int(message.row_key)))

    def action_back(self) -> None:
        """Goes back to the screen before."""
        self.dismiss()


class MemberScreen(Screen[None]):
    """One network: its curves, what it was trained with, where it diverged."""

    CSS_PATH = "members.tcss"
    TITLE = "Member"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", key_display="esc"),
        Binding("right", "next(1)", "next member", key_display="←→"),
        Binding("left", "next(-1)", "previous member", show=False),
    ]

    @dataclass
    class Read(Message):
        """A thread has read the member."""

        reader: WatchReader | None
        index: int
        frame: MemberFrame | None
        error: str = ""

    def __init__(self, index: int = 0) -> None:
        super().__init__()
        self._index = index
        self._reader: WatchReader | None = None
        self._reading = False

    def compose(self) -> ComposeResult:
        """Lays the screen out."""
        yield ShellHeader("watch")
        yield Static("", id="heading", markup=False)
        with Horizontal(id="curves"):
            yield BrailleChart("accuracy", y_range=(0.0, 1.0), legend=True, id="accuracy")
            yield BrailleChart("loss", legend=True, id="loss")
        yield BrailleChart("learning rate η", id="rates")
        yield Static("", id="settings", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Starts looking."""
        self.set_interval(UPDATE_SECONDS, self._tick)
        self._tick()

    def _tick(self) -> None:
        if not self._reading and self.is_current and selected_folder(self) is not None:
            self._reading = True
            self._read(self._index, self.size.width * 2, self.app.current_theme.dark)

    @work(thread=True, exit_on_error=False)
    def _read(self, index: int, points: int, dark: bool) -> None:
        try:
            reader = self._reader
            if reader is None:
                folder = selected_folder(self)
                assert folder is not None
                reader = WatchReader(folder)
            member = members_reader.member_of(reader, index)
            frame = members_reader.read_member(reader, member, max(60, points), dark)
            self.post_message(self.Read(reader, index, frame))
        except Exception as error:
            self.post_message(self.Read(None, index, None, reason(error)))

    def on_member_screen_read(self, message: Read) -> None:
        """Shows what a thread has read."""
        self._reading = False
        heading = self.query_one("#heading", Static)
        if message.frame is None:
            heading.update(message.error)
            return
        self._reader, frame = message.reader, message.frame
        if message.index != self._index:
            self._tick()
            return
        heading.update(f"member {message.index}: {frame.name}   {frame.status}")
        for name in ("accuracy", "loss", "rates"):
            content = getattr(frame, name)
            self.query_one(f"#{name}", BrailleChart).show(content.series, content.marks)
        text = Text("\n").join(
            Text.assemble((f"{name:<15} ", "dim"), value) for name, value in frame.settings
        )
        settings = self.query_one("#settings", Static)
        if str(settings.content) != str(text):
            settings.update(text)

    def action_next(self, step: int) -> None:
        """Another member."""
        if self._reader is None:
            return
        total = sum(len(value.members) for value in self._reader.values())
        self._index = (self._index + step) % total
        self._tick()

    def action_back(self) -> None:
        """Goes back to the screen before."""
        self.dismiss()
