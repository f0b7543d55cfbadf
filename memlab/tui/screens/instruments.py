"""The Instruments screen: what each instrument of the selected run has measured, live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from memlab.tui.axis_values import AxisValue, axis_title
from memlab.tui.example_stream import Stream
from memlab.tui.header import ShellHeader
from memlab.tui.instruments_reader import Detail, InstrumentsFrame, InstrumentsReader, Request
from memlab.tui.palette import palette
from memlab.tui.screens.shell import HEIGHTS, WIDTHS, reason, selected_folder
from memlab.tui.watch_reader import WatchReader
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.columns import Cell, Coloured, Column
from memlab.tui.widgets.heat_map import HeatMap
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.picture import PictureStrip
from memlab.tui.widgets.table import LineTable

UPDATE_SECONDS = 0.5
NONE = 'This experiment has no instruments; `[instruments] on = ["default"]` switches them on.'


class InstrumentList(LineTable):
    """Instruments with their quantities under them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "quantity", key_display="↑↓"),
        Binding("down,j", "move(1)", "next quantity", show=False),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is sorted: quantities stay under their instrument."""
        return not action.startswith("sort")


class QuantityChart(BrailleChart):
    """A chart that shows one quantity after the other."""

    def present(self, detail: Detail, cursor: str) -> None:
        """Shows a quantity in one repaint; another one than before finds limits of its own."""
        told = {
            "title": detail.title,
            "axis": detail.axis,
            "empty": detail.content.empty,
            "pointed": detail.pointed,
            "highlighted": cursor,
            "y_scale": "log" if detail.log else "linear",
        }
        before = {name: getattr(self, name) for name in told}
        if before["title"] != told["title"]:
            self._x_limits = self._y_limits = None
        if before["highlighted"] != cursor:
            self._styles = self._painted_size = None
        for name, value in told.items():
            self.set_reactive(getattr(BrailleChart, name), value)
        self.show(detail.content.series, ())


class InstrumentsScreen(Screen[None]):
    """A list at the left, the chosen quantity at the right; pushed over Watch."""

    CSS_PATH = "instruments.tcss"
    TITLE = "Instruments"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "value(-1)", "value", key_display="[ ]"),
        Binding("right_square_bracket", "value(1)", "next value", show=False),
        Binding("left", "value(-1)", "previous value", show=False),
        Binding("right", "value(1)", "next value", show=False),
        Binding("escape,i", "back", "back", key_display="esc"),
    ]

    @dataclass
    class Read(Message):
        """A thread has read the instruments; no frame where nothing changed."""

        reader: InstrumentsReader | None
        frame: InstrumentsFrame | None
        error: str = ""

    def __init__(self, cursor: str | None = None, header: str = "watch") -> None:
        """`cursor` is the axis value shown first, `header` the screen that this one lies over."""
        super().__init__()
        self._header = header
        self._cursor = cursor
        self._reader: InstrumentsReader | None = None
        self._frame: InstrumentsFrame | None = None
        self._reading = self._again = False

    def compose(self) -> ComposeResult:
        """Lays the screen out."""
        yield ShellHeader(self._header)
        yield Static("", id="values", markup=False)
        with Horizontal(id="body"):
            yield InstrumentList(_columns(), header=False, id="list", empty="reads the run")
            with Vertical(id="chosen"):
                yield QuantityChart(id="chart")
                yield HeatMap(id="heat")
                with Vertical(id="stream"):
                    for kind in ("learned", "forgotten"):
                        yield Static("", id=f"{kind}-title", markup=False)
                        yield PictureStrip(id=kind, empty=f"nothing is {kind} now")
                yield Static("", id="words", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Starts looking."""
        self.set_interval(UPDATE_SECONDS, self._tick)
        self.query_one(InstrumentList).focus()
        self._tick()

    def on_resize(self, event: events.Resize) -> None:
        """Says it anew for another width."""
        if self._frame is not None:
            self._put_values(self._frame)

    # --- reading

    def _tick(self) -> None:
        if not self.is_current or selected_folder(self) is None:
            return
        if self._reading:
            self._again = True
            return
        self._reading, self._again = True, False
        request = Request(
            chosen=self.query_one(InstrumentList).cursor_key,
            cursor=self._cursor,
            points=max(160, self.size.width * 4),
            dark=self.app.current_theme.dark,
            plain=self.app.no_color,
        )
        self._read(self._reader, request)

    @work(thread=True, group="instruments-read", exit_on_error=False)
    def _read(self, reader: InstrumentsReader | None, request: Request) -> None:
        try:
            if reader is None:
                folder = selected_folder(self)
                assert folder is not None
                reader = InstrumentsReader(WatchReader(folder))
            self.post_message(self.Read(reader, reader.read(request)))
        except Exception as error:
            self.post_message(self.Read(reader, None, reason(error)))

    def on_instruments_screen_read(self, message: Read) -> None:
        """Shows what a thread has read."""
        self._reading = False
        self._reader = message.reader
        if message.error:
            self.query_one("#values", Static).update(message.error)
        elif message.frame is not None:
            self._show(message.frame)
        if self._again:
            self._tick()

    # --- showing

    def _show(self, frame: InstrumentsFrame) -> None:
        self._frame, self._cursor = frame, frame.cursor
        self._put_values(frame)
        table = self.query_one(InstrumentList)
        table.empty = NONE
        error = palette(self.app.current_theme.dark).error
        cells: list[list[Cell]] = [
            [
                Coloured(entry.label, None, True) if entry.heads else f" {entry.label}",
                Coloured(entry.value, error if entry.failed else None),
            ]
            for entry in frame.entries
        ]
        table.set_rows([entry.key for entry in frame.entries], cells)
        if frame.detail is not None and frame.detail.key == table.cursor_key:
            self._put(frame.detail, frame.cursor)
            self._put_stream(frame.stream)

    def _put(self, detail: Detail, cursor: str) -> None:
        chart, heat = self.query_one(QuantityChart), self.query_one(HeatMap)
        heated = detail.drawing == "heat map"
        chart.display, heat.display = not heated, heated
        if heated:
            heat.show(
                detail.matrix,
                low=detail.low,
                title=detail.title,
                axes=detail.axes,
            )
        else:
            chart.present(detail, cursor)
        words = self.query_one("#words", Static)
        text = Text("\n").join(
            Text(line, "bold" if index == 0 else "") for index, line in enumerate(detail.words)
        )
        if str(words.content) != str(text):
            words.update(text)

    def _put_stream(self, stream: Stream | None) -> None:
        self.query_one("#chosen").set_class(stream is not None, "-streaming")
        if stream is None:
            return
        notes = {"learned": stream.learned_note, "forgotten": stream.forgotten_note}
        titles = {"learned": "learned last", "forgotten": "forgotten now"}
        for kind, title in titles.items():
            line = self.query_one(f"#{kind}-title", Static)
            text = stream.problem or " · ".join(t for t in (title, notes[kind]) if t)
            if line.content != text:
                line.update(text)
            self.query_one(f"#{kind}", PictureStrip).set_pictures(getattr(stream, kind))

    def _put_values(self, frame: InstrumentsFrame) -> None:
        axis = axis_title(self._reader.watch.experiment) if self._reader is not None else ""
        text = values_line(frame.values, frame.cursor, axis, self.size.width, self.app.no_color)
        line = self.query_one("#values", Static)
        if line.content != text:
            line.update(text)

    # --- keys

    def on_line_table_row_highlighted(self) -> None:
        """Shows the quantity under the cursor."""
        self._tick()

    def action_value(self, step: int) -> None:
        """Another axis value."""
        if self._frame is not None:
            keys = [value.key for value in self._frame.values]
            self._cursor = keys[(keys.index(self._frame.cursor) + step) % len(keys)]
            self._tick()

    def action_back(self) -> None:
        """Goes back to the screen before."""
        self.dismiss()


def _columns() -> list[Column]:
    return [Column("name", "", 8, flexible=True), Column("value", "", 8, "right", sortable=False)]


def values_line(
    values: tuple[AxisValue, ...], cursor: str, axis: str, width: int, plain: bool = False
) -> Text:
    """The axis values with their markers, that of the cursor in brackets; as many as fit."""
    at = next(index for index, value in enumerate(values) if value.key == cursor)
    pieces = []
    for index, value in enumerate(values):
        words = f"{value.letter if plain else value.marker} {value.short.strip()}"
        pieces.append(f"[{words}]" if index == at else f" {words} ")
    head = f" {axis}: " if axis else " "
    first = last = at
    room = width - len(head) - len(pieces[at]) - 4
    while first > 0 or last < len(values) - 1:
        grown = [i for i in (first - 1, last + 1) if 0 <= i < len(values)]
        fitting = [i for i in grown if len(pieces[i]) <= room]
        if not fitting:
            break
        first, last = min(first, fitting[0]), max(last, fitting[0])
        room -= len(pieces[fitting[0]])
    text = Text(head + ("… " if first > 0 else ""))
    for index in range(first, last + 1):
        style = f"bold {values[index].colour}" if index == at else values[index].colour
        text.append(pieces[index], style)
    return text.append(" …" if last < len(values) - 1 else "")
