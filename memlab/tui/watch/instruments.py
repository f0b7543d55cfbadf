"""The Instruments screen: what each instrument of the selected run has measured, live."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import events, getters
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from memlab.tui.axis_values import AxisValue, axis_title
from memlab.tui.header import ShellHeader
from memlab.tui.live import LiveScreen
from memlab.tui.message import put
from memlab.tui.palette import palette
from memlab.tui.shell import HEIGHTS, WIDTHS, selected_folder
from memlab.tui.watch.example_stream import Stream
from memlab.tui.watch.instruments_reader import Detail, InstrumentsFrame, InstrumentsReader, Request
from memlab.tui.watch.reader import WatchReader
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.columns import Cell, Coloured, Column
from memlab.tui.widgets.heat_map import HeatMap
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.picture import PictureStrip
from memlab.tui.widgets.table import LineTable

NONE = 'This experiment has no instruments; `[instruments] on = ["default"]` switches them on.'


class InstrumentList(LineTable):
    """Instruments with their quantities under them."""

    SORTABLE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "quantity", key_display="↑↓"),
        Binding("down,j", "move(1)", "next quantity", show=False),
    ]


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
        for name, value in told.items():
            self.set_reactive(getattr(BrailleChart, name), value)
        if before["highlighted"] != cursor:
            self.repaint_all(restyled=True)
        self.show(detail.content.series, ())


# A reader and what it read: no frame where nothing changed.
Answer = tuple[InstrumentsReader, InstrumentsFrame | None]


class InstrumentsScreen(LiveScreen[Answer]):
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
        Binding("escape,i", "dismiss", "back", key_display="esc"),
    ]

    table = getters.query_one(InstrumentList)
    chart = getters.query_one(QuantityChart)
    heat = getters.query_one(HeatMap)
    chosen = getters.query_one("#chosen", Vertical)

    def __init__(self, cursor: str | None = None, header: str = "watch") -> None:
        """`cursor` is the axis value shown first, `header` the screen that this one lies over."""
        super().__init__()
        self._header = header
        self._cursor = cursor
        self._reader: InstrumentsReader | None = None
        self._frame: InstrumentsFrame | None = None

    def compose(self) -> ComposeResult:
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
        self.table.focus()

    def on_resize(self, event: events.Resize) -> None:
        if self._frame is not None:
            self._put_values(self._frame)

    # --- reading

    def question(self) -> Callable[[], Answer] | None:
        folder, reader = selected_folder(self), self._reader
        request = Request(
            chosen=self.table.cursor_key,
            cursor=self._cursor,
            points=max(160, self.size.width * 4),
            dark=self.app.current_theme.dark,
            plain=self.app.no_color,
        )
        if folder is None:
            return None

        def read() -> Answer:
            known = reader or InstrumentsReader(WatchReader(folder))
            return known, known.read(request)

        return read

    def complain(self, problem: str) -> None:
        put(self, "#values", problem)

    def show(self, frame: Answer) -> None:
        self._reader, shown = frame
        if shown is not None:
            self._show(shown)

    # --- showing

    def _show(self, frame: InstrumentsFrame) -> None:
        self._frame, self._cursor = frame, frame.cursor
        self._put_values(frame)
        table = self.table
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
        chart, heat = self.chart, self.heat
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
        text = Text("\n").join(
            Text(line, "bold" if index == 0 else "") for index, line in enumerate(detail.words)
        )
        put(self, "#words", text)

    def _put_stream(self, stream: Stream | None) -> None:
        self.chosen.set_class(stream is not None, "-streaming")
        if stream is None:
            return
        notes = {"learned": stream.learned_note, "forgotten": stream.forgotten_note}
        titles = {"learned": "learned last", "forgotten": "forgotten now"}
        for kind, title in titles.items():
            text = stream.problem or " · ".join(t for t in (title, notes[kind]) if t)
            put(self, f"#{kind}-title", text)
            self.query_one(f"#{kind}", PictureStrip).set_pictures(getattr(stream, kind))

    def _put_values(self, frame: InstrumentsFrame) -> None:
        axis = axis_title(self._reader.watch.experiment) if self._reader is not None else ""
        text = values_line(frame.values, frame.cursor, axis, self.size.width, self.app.no_color)
        put(self, "#values", text)

    # --- keys

    def on_line_table_row_highlighted(self) -> None:
        self.look()

    def action_value(self, step: int) -> None:
        if self._frame is not None:
            keys = [value.key for value in self._frame.values]
            self._cursor = keys[(keys.index(self._frame.cursor) + step) % len(keys)]
            self.look()


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
