"""Runs side by side: the rows of each, one table, and below it what differs, seed by seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.tui.header import ShellHeader
from memlab.tui.shell import reason, shell
from memlab.tui.watch import model
from memlab.tui.watch.model import columns
from memlab.tui.watch.reader import Request, WatchReader
from memlab.tui.widgets.columns import Column
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.table import LineTable

if TYPE_CHECKING:
    from memlab.library.comparison import Shown

SPARKLINE = 24
Rows = list[tuple[str, list[object]]]


def rows_of(reader: WatchReader, name: str, dark: bool, plain: bool) -> Rows:
    """The rows of one run with its name before them."""
    frame = reader.read(Request((), sparkline=SPARKLINE, dark=dark, plain=plain), force=True)
    assert frame is not None
    return [
        (f"{reader.folder.id}/{value.key}", [name, *model.row_cells(value, standing, plain)])
        for value, standing in zip(frame.values, frame.standings, strict=True)
    ]


def _difference_columns(runs: list[str]) -> list[Column]:
    return [
        Column("run", "run", 4, sortable=False),
        Column("cell", "cell", 16, sortable=False),
        Column("quantity", "", 20, sortable=False),
        Column("first", runs[-1][-4:], 8, "right", sortable=False, priority=2),
        Column("other", "run", 8, "right", sortable=False, priority=1),
        Column("difference", "difference", 18, "right", sortable=False),
        Column("seeds", "seeds", 6, "right", sortable=False, priority=3),
    ]


def _difference_cells(line: Shown) -> list[object]:
    figures = line.first, line.other, line.difference, line.seeds
    return [line.run[-4:], line.cell, line.title, *figures]


class CompareScreen(Screen[None]):
    """The marked runs; sorting mixes their rows."""

    CSS_PATH = "screen.tcss"
    TITLE = "Compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "back", key_display="esc")
    ]

    @dataclass
    class Read(Message):
        """A thread has read all runs."""

        rows: Rows
        axes: set[str]
        errors: list[str]
        differences: Rows
        note: str

    def __init__(self, run_ids: list[str] | None = None) -> None:
        super().__init__()
        self._run_ids = run_ids or []

    def compose(self) -> ComposeResult:
        yield ShellHeader("library")
        yield Static(" against ".join(self._run_ids), id="heading", markup=False)
        yield Static("", id="message", markup=False)
        yield LineTable(self._columns({"epoch"}), id="rows", empty="reads the runs")
        yield LineTable(_difference_columns(self._run_ids or [""]), id="differences", empty="")
        yield Static("", id="note", markup=False)
        yield KeyLine()

    def _columns(self, axes: set[str]) -> list[Column]:
        """`axes` are what the runs' figures stand against."""
        named = Column("run", "run", max(18, min(28, self.app.size.width // 5)))
        axis = next(iter(axes)) if len(axes) == 1 else ""
        return [named, *columns("value", False, SPARKLINE, axis=axis)]

    def on_mount(self) -> None:
        self._read(self.app.current_theme.dark, self.app.no_color)

    @work(thread=True, exit_on_error=False)
    def _read(self, dark: bool, plain: bool) -> None:
        rows: Rows = []
        axes = set()
        errors = []
        for run_id in self._run_ids:
            try:
                reader = WatchReader(RunFolder(shell(self).runs_folder / run_id))
                title = reader.experiment.title or run_id
                axes.add(model.axis(reader.experiment))
                rows += rows_of(reader, f"{title} {run_id[-4:]}", dark, plain)
            except Exception as error:
                errors.append(reason(error))
        self.post_message(self.Read(rows, axes, errors, *self._differences()))

    def _differences(self) -> tuple[Rows, str]:
        """The rows of the second table, and what stands under it; or why there is none."""
        from memlab.library import comparison

        folder = shell(self).runs_folder
        runs = [Run(RunFolder(folder / run_id)) for run_id in reversed(self._run_ids)]
        try:
            found = comparison.shown(comparison.compared(runs))
        except Exception as error:
            return [], reason(error)
        return [
            (f"{line.run}/{line.cell}/{line.title}", _difference_cells(line)) for line in found
        ], " ".join([f"Each minus {runs[0].id}.", *comparison.remarks(runs)])

    def on_compare_screen_read(self, message: Read) -> None:
        table = self.query_one("#rows", LineTable)
        table.empty = "There is nothing to compare."
        table.set_columns(self._columns(message.axes or {"epoch"}))
        table.set_rows([key for key, _ in message.rows], [cells for _, cells in message.rows])
        below = self.query_one("#differences", LineTable)
        below.set_rows(
            [key for key, _ in message.differences], [cells for _, cells in message.differences]
        )
        below.set_class(bool(message.differences), "-shown")
        self.query_one("#note", Static).update(message.note)
        line = self.query_one("#message", Static)
        line.update("  ".join(message.errors))
        line.set_class(bool(message.errors), "-shown")
