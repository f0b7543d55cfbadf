"""The members of a run in one table, and one member's own page."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import getters
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from memlab.numbers import count
from memlab.tui.axis_values import axis_title
from memlab.tui.header import ShellHeader
from memlab.tui.live import LiveScreen
from memlab.tui.message import put
from memlab.tui.shell import HEIGHTS, WIDTHS, selected_folder
from memlab.tui.watch import members_reader
from memlab.tui.watch.members_reader import MemberFrame, MemberRow, MembersFrame
from memlab.tui.watch.reader import WatchReader
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.columns import Column
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.table import LineTable

AllMembers = tuple[WatchReader, MembersFrame, list[MemberRow]]
OneMember = tuple[WatchReader, MemberFrame]


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


class MembersScreen(LiveScreen[AllMembers]):
    """All members of the selected run; pushed over Watch."""

    CSS_PATH = "members.tcss"
    TITLE = "Members"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "back", key_display="esc")
    ]

    heading = getters.query_one("#heading", Static)
    table = getters.query_one(MembersTable)

    def __init__(self, group: str = "0") -> None:
        """`group` is the axis value whose first member has the cursor at the start."""
        super().__init__()
        self._group = group
        self._reader: WatchReader | None = None
        self._frame: MembersFrame | None = None
        self._rows: dict[str, MemberRow] = {}

    def compose(self) -> ComposeResult:
        yield ShellHeader("watch")
        yield Static("", id="heading", markup=False)
        yield MembersTable(member_columns(""), id="members", empty="reads the run")
        yield KeyLine()

    def question(self) -> Callable[[], AllMembers] | None:
        folder, reader = selected_folder(self), self._reader
        dark, plain = self.app.current_theme.dark, self.app.no_color
        if folder is None:
            return None

        def read() -> AllMembers:
            known = reader or WatchReader(folder)
            rows = [] if reader else members_reader.member_rows(known, dark, plain)
            return known, members_reader.read_members(known), rows

        return read

    def complain(self, problem: str) -> None:
        self.heading.update(problem)

    def show(self, frame: AllMembers) -> None:
        reader, self._frame, rows = frame
        if self._reader is not None:
            self.table.repaint()
            return
        self._reader = reader
        self._rows = {row.key: row for row in rows}
        self.table.set_columns(member_columns(axis_title(reader.experiment)))
        self.table.set_rows(list(self._rows), self._cell)
        first = next((row.key for row in rows if row.group == self._group), None)
        if first is not None:
            self.table.move_to(first)
        self.heading.update(f"{count(len(self._rows))} members of {reader.folder.id}")
        self.table.focus()

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
        self.app.push_screen(MemberScreen(int(message.row_key)))


class MemberScreen(LiveScreen[OneMember]):
    """One network: its curves, what it was trained with, where it diverged."""

    CSS_PATH = "members.tcss"
    TITLE = "Member"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "back", key_display="esc"),
        Binding("right", "next(1)", "next member", key_display="←→"),
        Binding("left", "next(-1)", "previous member", show=False),
    ]

    heading = getters.query_one("#heading", Static)

    def __init__(self, index: int = 0) -> None:
        super().__init__()
        self._index = self.about = index
        self._reader: WatchReader | None = None

    def compose(self) -> ComposeResult:
        yield ShellHeader("watch")
        yield Static("", id="heading", markup=False)
        with Horizontal(id="curves"):
            yield BrailleChart("accuracy", y_range=(0.0, 1.0), legend=True, id="accuracy")
            yield BrailleChart("loss", legend=True, id="loss")
        yield BrailleChart("learning rate η", id="rates")
        yield Static("", id="settings", markup=False)
        yield KeyLine()

    def question(self) -> Callable[[], OneMember] | None:
        folder, reader, index = selected_folder(self), self._reader, self._index
        points, dark = max(60, self.size.width * 2), self.app.current_theme.dark
        if folder is None:
            return None

        def read() -> OneMember:
            known = reader or WatchReader(folder)
            member = members_reader.member_of(known, index)
            return known, members_reader.read_member(known, member, points, dark)

        return read

    def complain(self, problem: str) -> None:
        self.heading.update(problem)

    def show(self, frame: OneMember) -> None:
        self._reader, member = frame
        self.heading.update(f"member {self._index}: {member.name}   {member.status}")
        for name in ("accuracy", "loss", "rates"):
            content = getattr(member, name)
            self.query_one(f"#{name}", BrailleChart).show(content.series, content.marks)
        lines = [Text.assemble((f"{name:<15} ", "dim"), text) for name, text in member.settings]
        put(self, "#settings", Text("\n").join(lines))

    def action_next(self, step: int) -> None:
        if self._reader is None:
            return
        total = sum(len(value.members) for value in self._reader.values())
        self._index = self.about = (self._index + step) % total
        self.look()
