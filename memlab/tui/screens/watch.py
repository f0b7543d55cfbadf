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
from textual.widgets import Footer, Static

from memlab.runs.run_folder import RunFolder
from memlab.runs.state import RunState
from memlab.tui import watch_model as model
from memlab.tui.axis_values import axis_title
from memlab.tui.screens.log import LogScreen
from memlab.tui.screens.members import MembersScreen
from memlab.tui.screens.shell import HEIGHTS, WIDTHS, reason, selected_folder, shell
from memlab.tui.screens.steering import STEERING, SteeringScreen
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
        Binding("up,k", "move(-1)", "value", key_display="↑↓"),
        Binding("down,j", "move(1)", "next value", show=False),
        Binding("right", "screen.page(1)", "chart", key_display="←→"),
        Binding("left", "screen.page(-1)", "previous chart", show=False),
        Binding("enter", "select", "members"),
    ]

    @dataclass
    class Steered(Message):
        """The user moved the cursor."""

    def action_move(self, step: int) -> None:
        """Moves the cursor and says that the user did it."""
        super().action_move(step)
        self.post_message(self.Steered())


class WatchScreen(SteeringScreen):
    """State, charts, table and pictures of the selected run."""

    CSS_PATH = "watch.tcss"
    TITLE = "Watch"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "pause"),
        Binding("u", "resume", "resume"),
        Binding("s", "stop", "stop"),
        Binding("right", "page(1)", "chart", key_display="←→"),
        Binding("left", "page(-1)", "previous chart", show=False),
        Binding("d", "detach", "detach"),
        Binding("m", "pictures", "pictures"),
        Binding("z", "zoom", "zoom"),
        Binding("a", "loss", "loss"),
        Binding("l", "log", "log"),
        Binding("c", "checkpoint", "checkpoint"),
        Binding("escape", "clear", "all curves alike", show=False),
    ]

    @dataclass
    class Read(Message):
        """A thread has read the run; no frame where nothing changed."""

        run_id: str
        reader: WatchReader | None
        frame: WatchFrame | None
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

    def compose(self) -> ComposeResult:
        """Lays the screen out."""
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
        """Starts looking."""
        self.query_one("#loss", BrailleChart).legend = True
        self._timer = self.set_interval(UPDATE_SECONDS, self._tick, pause=not self.is_current)
        self._fit_layout()
        self._tick()

    def on_screen_resume(self) -> None:
        """Looks again at once."""
        self._timer.resume()
        self._tick()

    def on_screen_suspend(self) -> None:
        """Rests while another screen is shown."""
        self._timer.pause()

    def on_resize(self, event: events.Resize) -> None:
        """Fits what is shown to the new size."""
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
        self.forget_answer()
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
        except Exception as error:
            self.post_message(self.Read(folder.id, reader, None, reason(error)))

    def on_watch_screen_read(self, message: Read) -> None:
        """Shows what a thread has read."""
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
        clean = made.corruption.kind == "none" and "corruption.kind" not in made.axes
        self.set_class(clean or made.dataset.name in ("gaussian", "mnist1d"), "-no-pictures")
        if clean and self._page == "lies":
            self._page = "unseen"
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
        answer = self.answer(frame.state.state)
        if answer.error:
            self._say(answer.error, "failed")
        else:
            said = "  ".join((answer.note or frame.sentence, *frame.problems)).strip()
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
        """Keys that can do nothing now are hidden."""
        if action in STEERING:
            return self.can_steer(action)
        if action == "page":
            return self._single
        if action == "pictures":
            return not self.has_class("-no-pictures") and not (
                self.has_class("-tall") and self.has_class("-wide")
            )
        return True

    def on_values_table_steered(self) -> None:
        """Highlights the curves of the cursor's row."""
        self._highlighted = True
        for page in PAGES[:3]:
            self.query_one(f"#{page}", BrailleChart).highlighted = self.query_one(
                ValuesTable
            ).cursor_key
        self._title_charts()
        self._pictures_at = 0.0
        self._tick()

    def on_line_table_row_selected(self, message: LineTable.RowSelected) -> None:
        """Opens the members of the row."""
        if self._reader is not None:
            self.app.push_screen(MembersScreen(message.row_key))

    def action_clear(self) -> None:
        """Back to all, alike."""
        self._highlighted = False
        for chart in self.query(BrailleChart):
            chart.highlighted = None
        self._pictures_at = 0.0
        self._tick()

    def action_zoom(self) -> None:
        """One chart large, or all again."""
        self._zoomed = not self._zoomed
        self._fit_layout()
        self.refresh_bindings()
        self._tick()

    def action_page(self, step: int) -> None:
        """Another chart."""
        self._page = PAGES[(PAGES.index(self._page) + step) % len(PAGES)]
        self._fit_layout()
        self._tick()

    def action_loss(self) -> None:
        """Losses in place of accuracies, or back."""
        self._loss = not self._loss
        self._fit_layout()
        self._tick()

    def action_pictures(self) -> None:
        """Pictures in place of the table, or back."""
        self.toggle_class("-pictures")
        self._pictures_at = 0.0
        if self._frame is not None:
            self.call_after_refresh(self._show_pictures, self._frame)

    def action_log(self) -> None:
        """Opens events and worker.log."""
        if self._run_id is not None:
            self.app.push_screen(LogScreen())

    def action_detach(self) -> None:
        """Leaves the run to itself."""
        if self._frame is not None and self._frame.state.living:
            self.notify(f"The run goes on. `memlab watch {self._run_id}` comes back to it.")
        shell(self).show_library()

    # --- what steering needs to know

    @property
    def run_state(self) -> RunState | None:
        """The state shown."""
        return self._frame.state if self._frame is not None else None

    def on_steering_screen_asked(self, message: SteeringScreen.Asked) -> None:
        """Says what was asked, or why it could not be."""
        self._say(message.error or message.note, "failed" if message.error else "paused")
        self._tick()
