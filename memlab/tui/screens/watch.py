"""The Watch screen: one run, live. It composes and wires; a thread reads, widgets show."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static

from memlab.errors import MemlabError
from memlab.runs import lifecycle
from memlab.runs.requests import RequestKind
from memlab.runs.run_folder import RunFolder
from memlab.tui import watch_model as model
from memlab.tui.axis_values import axis_title
from memlab.tui.screens.confirm import Confirm
from memlab.tui.screens.log import LogScreen
from memlab.tui.screens.members import MembersScreen
from memlab.tui.screens.shell import selected_folder, shell, standby
from memlab.tui.watch_columns import COLUMNS, columns
from memlab.tui.watch_reader import PAGES, Request, WatchFrame, WatchReader
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.picture import PictureStrip
from memlab.tui.widgets.progress import Progress, ProgressLine
from memlab.tui.widgets.table import LineTable

UPDATE_SECONDS = 0.25
VALUES_SECONDS = 0.5  # figures that change faster cannot be read
PICTURE_SECONDS = 1.0
TITLES = {
    "truth": "truth: clean training examples",
    "lies": "lies: corrupted training examples",
    "unseen": "unseen: validation",
}
NO_RUN = "No run is chosen.  4  opens the library,   1  composes a new one."


class ValuesTable(LineTable):
    """The table of axis values; moving in it highlights curves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "highlight", key_display="↑↓"),
        Binding("down,j", "move(1)", "highlight the next", show=False),
        Binding("enter", "select", "members"),
    ]

    @dataclass
    class Steered(Message):
        """The user moved the cursor."""

    def action_move(self, step: int) -> None:
        super().action_move(step)
        self.post_message(self.Steered())


class WatchScreen(Screen[None]):
    """State, charts, table and pictures of the selected run."""

    CSS_PATH = "watch.tcss"
    TITLE = "Watch"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [
        (0, "-narrow"),
        (110, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-short"), (34, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "pause"),
        Binding("u", "resume", "resume"),
        Binding("s", "stop", "stop"),
        Binding("d", "detach", "detach"),
        Binding("c", "checkpoint", "checkpoint"),
        Binding("z", "zoom", "zoom"),
        Binding("right", "page(1)", "next chart", key_display="←→"),
        Binding("left", "page(-1)", "previous chart", show=False),
        Binding("a", "loss", "accuracy/loss"),
        Binding("m", "pictures", "pictures"),
        Binding("l", "log", "log"),
        Binding("escape", "clear", "all curves alike", show=False),
    ]

    @dataclass
    class Read(Message):
        """A thread has read the run; no frame where nothing changed."""

        run_id: str
        reader: WatchReader | None
        frame: WatchFrame | None
        error: str = ""

    @dataclass
    class Asked(Message):
        """A request was written, or could not be."""

        note: str
        error: str = ""

    def __init__(self) -> None:
        super().__init__()
        self._run_id: str | None = None
        self._reader: WatchReader | None = None
        self._frame: WatchFrame | None = None
        self._cells: dict[str, dict[str, object]] = {}
        self._reading = False
        self._again = False
        self._page = "lies"
        self._loss = self._zoomed = self._highlighted = False
        self._pictures_at = self._values_at = 0.0
        self._pictures_of: WatchFrame | None = None
        self._values_of: WatchFrame | None = None
        self._note = self._error = ""
        self._note_state = ""

    def compose(self) -> ComposeResult:
        yield Static("", id="facts", markup=False)
        yield ProgressLine(id="progress")
        yield Static("", id="sentence", markup=False)
        with Horizontal(id="charts"):
            for page in PAGES:
                yield BrailleChart(TITLES.get(page, "loss"), id=page)
        with Vertical(id="table-box"):
            yield ValuesTable(columns("", narrow=False), id="values", empty=model.WAITING)
        with Vertical(id="pictures-box"):
            yield PictureStrip(id="pictures", empty="no lie has been memorized yet")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#loss", BrailleChart).legend = True
        self._timer = self.set_interval(UPDATE_SECONDS, self._tick, pause=not self.is_current)
        self._fit_layout()
        self._tick()

    def on_screen_resume(self) -> None:
        self._timer.resume()
        self._tick()

    def on_screen_suspend(self) -> None:
        self._timer.pause()

    def on_resize(self, event: events.Resize) -> None:
        self._fit_layout()
        self._tick()

    # --- reading

    def _tick(self) -> None:
        """Asks for the run as it is now, unless an answer is still to come."""
        folder = selected_folder(self)
        if folder is None:
            self._say(NO_RUN)
            return
        if folder.id != self._run_id:
            self._follow(folder)
        if self._reading:
            self._again = True
            return
        self._reading, self._again = True, False
        self._read(folder, self._reader, self._request(), self._frame is None)

    def _follow(self, folder: RunFolder) -> None:
        self._run_id, self._reader, self._frame = folder.id, None, None
        self._highlighted = False
        self._cells = {}
        self._note = self._error = ""
        for chart in self.query(BrailleChart):
            chart.highlighted = None
            chart.show((), ())
        self.query_one(ValuesTable).set_rows([], [])
        self.query_one(PictureStrip).set_pictures([])
        self.query_one(ProgressLine).set_progress(Progress("starting"))
        self.query_one("#facts", Static).update(folder.id)
        self._say("")

    def _request(self) -> Request:
        single = self._single
        wide = self.size.width
        return Request(
            pages=(self._page,) if single else PAGES[:3],
            loss=self._loss,
            points=max(160, (wide if single else wide // 3) * 8),
            sparkline=self._sparkline_width,
            cursor=self.query_one(ValuesTable).cursor_key,
            highlighted=self._highlighted,
            dark=self.app.current_theme.dark,
            plain=self.app.no_color,
        )

    @property
    def _single(self) -> bool:
        return self._zoomed or self.size.width < 110

    @property
    def _sparkline_width(self) -> int:
        fixed = 58 if self.size.width < 110 else 110
        return min(60, max(8, self.size.width - fixed))

    @work(thread=True, group="watch-read", exit_on_error=False)
    def _read(
        self, folder: RunFolder, reader: WatchReader | None, request: Request, force: bool
    ) -> None:
        try:
            reader = reader or WatchReader(folder)
            self.post_message(self.Read(folder.id, reader, reader.read(request, force)))
        except (MemlabError, OSError) as error:
            self.post_message(self.Read(folder.id, reader, None, str(error)))

    def on_watch_screen_read(self, message: Read) -> None:
        self._reading = False
        if message.run_id == self._run_id:
            if self._reader is None and message.reader is not None:
                self._reader = message.reader
                self._prepare(message.reader)
            if message.frame is not None:
                self._show(message.frame)
            elif message.error:
                self._say(message.error, "failed")
            elif self._frame is not None:
                self._show_values(self._frame)
                self._show_pictures(self._frame)
        if self._again:
            self._tick()

    # --- showing

    def _prepare(self, reader: WatchReader) -> None:
        """What depends on the experiment only."""
        made = reader.experiment
        name = made.title.lower().replace(" ", "-") or reader.folder.id
        self.query_one("#facts", Static).update(model.facts(made, name))
        by = axis_title(made, long=True)
        seeds = len(made.seed_list)
        each = "1 seed" if seeds == 1 else f"{seeds} seeds each, mean ± 95 %"
        self.query_one("#table-box").border_title = f"by {by} ({each})" if by else each
        chance = model.chance(made)
        for page in PAGES[:3]:
            self.query_one(f"#{page}", BrailleChart).set_reference(chance, "chance")
        self.set_class(made.dataset.name in ("gaussian", "mnist1d"), "-no-pictures")
        small = made.dataset.name == "digits"
        self.query_one(PictureStrip).styles.height = 5 if small else 8
        self._fit_layout()

    def _fit_layout(self) -> None:
        """Classes, titles and columns that depend on size, page and zoom."""
        for page in PAGES:
            self.set_class(page == self._page, f"-page-{page}")
        self.set_class(self._single, "-single")
        self.set_class(self._zoomed, "-zoomed")
        made = self._reader.experiment if self._reader is not None else None
        title = axis_title(made) if made is not None else ""
        table = self.query_one(ValuesTable)
        narrow = self.size.width < 110
        table.set_columns(columns(title or "group", narrow, self._sparkline_width))
        rows = len(self._reader.values()) if self._reader is not None else 6
        room = self.size.height - (17 if narrow else 28)
        table.styles.height = 1 + min(rows, max(3, room))
        for page in PAGES:
            chart = self.query_one(f"#{page}", BrailleChart)
            fixed = page != "loss" and not self._loss
            chart.y_range = (0.0, 1.0) if fixed else None
        self._title_charts()

    def _title_charts(self) -> None:
        quantity = " · loss" if self._loss else ""
        place = f" ({PAGES.index(self._page) + 1} of {len(PAGES)})" if self._single else ""
        for page, title in TITLES.items():
            self.query_one(f"#{page}", BrailleChart).title = title + quantity + place
        name = self._cursor_label()
        self.query_one("#loss", BrailleChart).title = f"loss{', ' + name if name else ''}{place}"

    def _cursor_label(self) -> str:
        key = self.query_one(ValuesTable).cursor_key
        values = self._frame.values if self._frame is not None else ()
        return next((value.label for value in values if value.key == key), "")

    def _show(self, frame: WatchFrame) -> None:
        before, self._frame = self._frame, frame
        self.query_one(ProgressLine).set_progress(frame.progress)
        table = self.query_one(ValuesTable)
        self._show_values(frame)
        for page, content in frame.charts.items():
            chart = self.query_one(f"#{page}", BrailleChart)
            chart.empty = content.empty
            chart.highlighted = table.cursor_key if self._highlighted and page != "loss" else None
            chart.show(content.series, content.marks)
        self._show_pictures(frame)
        if before is None:
            self._title_charts()
        if before is None or before.state.state != frame.state.state:
            self.refresh_bindings()
        if frame.state.state != self._note_state:
            self._note = self._error = ""
            self._note_state = frame.state.state
        if self._error:
            self._say(self._error, "failed")
        else:
            said = "  ".join((self._note or frame.sentence, *frame.problems)).strip()
            self._say(said, frame.state.state)

    def _show_values(self, frame: WatchFrame) -> None:
        now = time.monotonic()
        if frame is self._values_of or (self._cells and now - self._values_at < VALUES_SECONDS):
            return
        self._values_at, self._values_of = now, frame
        plain = self.app.no_color
        self._cells = {
            value.key: dict(zip(COLUMNS, model.row_cells(value, standing, plain), strict=True))
            for value, standing in zip(frame.values, frame.standings, strict=True)
        }
        self.query_one(ValuesTable).set_rows(
            list(self._cells), lambda row, column: self._cells[row][column]
        )

    def _show_pictures(self, frame: WatchFrame) -> None:
        now = time.monotonic()
        box = self.query_one("#pictures-box")
        if not box.display or now - self._pictures_at < PICTURE_SECONDS:
            return
        if frame is self._pictures_of and self._pictures_at:
            return
        self._pictures_at, self._pictures_of = now, frame
        where = f" ({self._cursor_label()})" if self._highlighted else ""
        title, note = f"being memorized now{where}", frame.pictures_note
        if frame.state.final:
            title = f"memorized last{where}"
        if (box.border_title, box.border_subtitle) != (title, note):
            box.border_title, box.border_subtitle = title, note
        self.query_one(PictureStrip).set_pictures(frame.pictures)

    def _say(self, text: str, state: str = "") -> None:
        line = self.query_one("#sentence", Static)
        wanted = {f"-{state}"} | ({"-shown"} if text else set())
        if line.content != text:
            line.update(text)
        if set(line.classes) != wanted:
            line.set_classes(wanted)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        state = self._frame.state if self._frame is not None else None
        living = state is not None and state.living
        if action in ("pause", "stop", "checkpoint"):
            return living
        if action == "resume":
            return state is not None and state.state in ("failed", "interrupted")
        if action == "page":
            return self._single
        if action == "pictures":
            return not self.has_class("-no-pictures") and not (
                self.has_class("-tall") and self.has_class("-wide")
            )
        return True

    def on_values_table_steered(self) -> None:
        self._highlighted = True
        for page in PAGES[:3]:
            self.query_one(f"#{page}", BrailleChart).highlighted = self.query_one(
                ValuesTable
            ).cursor_key
        self._title_charts()
        self._pictures_at = 0.0
        self._tick()

    def on_line_table_row_selected(self, message: LineTable.RowSelected) -> None:
        if self._reader is not None:
            self.app.push_screen(MembersScreen(message.row_key))

    def action_clear(self) -> None:
        self._highlighted = False
        for chart in self.query(BrailleChart):
            chart.highlighted = None
        self._pictures_at = 0.0
        self._tick()

    def action_zoom(self) -> None:
        self._zoomed = not self._zoomed
        self._fit_layout()
        self.refresh_bindings()
        self._tick()

    def action_page(self, step: int) -> None:
        self._page = PAGES[(PAGES.index(self._page) + step) % len(PAGES)]
        self._fit_layout()
        self._tick()

    def action_loss(self) -> None:
        self._loss = not self._loss
        self._fit_layout()
        self._tick()

    def action_pictures(self) -> None:
        self.toggle_class("-pictures")
        self._pictures_at = 0.0
        if self._frame is not None:
            self.call_after_refresh(self._show_pictures, self._frame)

    def action_log(self) -> None:
        if self._run_id is not None:
            self.app.push_screen(LogScreen())

    def action_detach(self) -> None:
        if self._frame is not None and self._frame.state.living:
            self.notify(f"The run goes on. `memlab watch {self._run_id}` comes back to it.")
        shell(self).show_library()

    def action_pause(self) -> None:
        paused = self._frame is not None and self._frame.state.state == "paused"
        if paused:
            self._ask("resume", "Asked to go on.")
        else:
            self._ask("pause", "Asked to pause; the worker answers at its next step.")

    def action_checkpoint(self) -> None:
        self._ask("checkpoint", "Asked for a checkpoint.")

    def action_stop(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._ask("stop", "Asked to stop; it saves a checkpoint first.")

        detail = "It saves a checkpoint first, and u resumes it later."
        self.app.push_screen(Confirm("Stop this run?", detail, "stop it", "s"), answered)

    def action_resume(self) -> None:
        folder = selected_folder(self)
        if folder is not None:
            self._resume(folder)

    @work(thread=True, group="watch-ask", exit_on_error=False)
    def _resume(self, folder: RunFolder) -> None:
        try:
            lifecycle.resume(folder, standby=standby(self))
            self.post_message(self.Asked("Resumed."))
        except MemlabError as error:
            self.post_message(self.Asked("", str(error)))

    def _ask(self, kind: RequestKind, note: str) -> None:
        folder = selected_folder(self)
        if folder is not None:
            self._submit(folder, kind, note)

    @work(thread=True, group="watch-ask", exit_on_error=False)
    def _submit(self, folder: RunFolder, kind: RequestKind, note: str) -> None:
        try:
            lifecycle.request(folder, kind)
            self.post_message(self.Asked(note))
        except MemlabError as error:
            self.post_message(self.Asked("", str(error)))

    def on_watch_screen_asked(self, message: Asked) -> None:
        self._note, self._error = message.note, message.error
        self._say(message.error or message.note, "failed" if message.error else "paused")
        self._tick()
