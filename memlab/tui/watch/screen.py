"""The Watch screen: one run, live. It composes and wires; a thread reads, widgets show."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events, getters
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from memlab.runs.newest import living
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import RunState
from memlab.text import plain
from memlab.tui.axis_values import axis_title
from memlab.tui.plain_lines import framed
from memlab.tui.shell import HEIGHTS, WIDTHS, shell
from memlab.tui.suggesting import SuggestingScreen
from memlab.tui.watch import model
from memlab.tui.watch.charts import SIDE_BY_SIDE, WatchCharts
from memlab.tui.watch.instruments import InstrumentsScreen
from memlab.tui.watch.instruments_pane import InstrumentsPane
from memlab.tui.watch.log import LogScreen
from memlab.tui.watch.members import MembersScreen
from memlab.tui.watch.memorized_pane import SMALL_SIDE, MemorizedPane
from memlab.tui.watch.model import columns
from memlab.tui.watch.reader import Request, WatchFrame, WatchReader
from memlab.tui.watch.steering import STEERING, SteeringScreen
from memlab.tui.watch.values_table import ValuesTable
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.progress import Progress, ProgressLine
from memlab.tui.widgets.table import LineTable

NO_RUN = "No runs yet.  1  composes the first one, and ⏎ there starts it."


Answer = tuple[WatchReader, WatchFrame | None]  # no frame where nothing changed


class WatchScreen(SuggestingScreen[Answer], SteeringScreen):
    """State, charts, table and pictures of the selected run."""

    CSS_PATH = "screen.tcss"
    TITLE = "Watch"
    ABOUT = (
        "The truth is learned before the lies. The curves are accuracy on clean training "
        "examples, on corrupted ones, and on data the network has never seen."
    )
    UPDATE_SECONDS = 0.25
    WANTED = living
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "pause"),
        Binding("u", "resume", "resume"),
        Binding("s", "stop", "stop"),
        Binding("right", "page(1)", "chart", key_display="←→"),
        Binding("left", "page(-1)", "previous chart", show=False),
        Binding("m", "pictures", "pictures"),
        Binding("i", "instruments", "instruments"),
        Binding("d", "detach", "detach"),
        Binding("z", "zoom", "zoom"),
        Binding("a", "loss", "loss"),
        Binding("l", "log", "log"),
        Binding("c", "checkpoint", "checkpoint"),
        Binding("v", "examples", "examples"),
        Binding("escape", "clear", "all curves alike", show=False),
    ]

    facts = getters.query_one("#facts", Static)
    progress = getters.query_one(ProgressLine)
    sentence = getters.query_one("#sentence", Static)
    verdict = getters.query_one("#verdict", Static)
    charts = getters.query_one(WatchCharts)
    table = getters.query_one(ValuesTable)
    table_box = getters.query_one("#table-box", Vertical)
    pictures = getters.query_one(MemorizedPane)
    instruments = getters.query_one(InstrumentsPane)

    def __init__(self) -> None:
        super().__init__()
        self._reader: WatchReader | None = None
        self._frame: WatchFrame | None = None
        self._highlighted = False

    def compose(self) -> ComposeResult:
        yield Static("", id="facts", markup=False)
        yield ProgressLine(id="progress")
        yield Static("", id="sentence", markup=False)
        yield Static("", id="verdict", markup=False)
        yield WatchCharts(id="charts")
        with Vertical(id="table-box"):
            yield ValuesTable(columns("", narrow=False), id="values", empty=model.WAITING)
        with Horizontal(id="bottom"):
            yield MemorizedPane(id="pictures-box")
            yield InstrumentsPane(id="instruments")
        yield KeyLine()

    def on_mount(self) -> None:
        self._fit_layout()

    def on_resize(self, event: events.Resize) -> None:
        self._fit_layout()
        self.look()

    # --- reading

    def show_nothing(self) -> None:
        self._say(NO_RUN)

    def follow(self, folder: RunFolder) -> None:
        self._reader = self._frame = None
        self._highlighted = self.calm = False
        self.forget_answer()
        self.charts.forget()
        self.pictures.forget()
        self.table.forget()
        self.progress.set_progress(Progress("starting"))
        self.facts.update(plain(folder.id))
        self._put_verdict("")
        self._say("")

    def question_about(self, folder: RunFolder) -> Callable[[], Answer]:
        reader, request, force = self._reader, self._request(), self._frame is None
        if reader is None:
            return lambda: (WatchReader(folder), None)
        return lambda: (reader, reader.read(request, force))

    def _request(self) -> Request:
        return Request(
            pages=self.charts.pages,
            loss=self.charts.loss,
            points=self.charts.points,
            sparkline=self._sparkline_width,
            cursor=self.table.cursor_key,
            highlighted=self._highlighted,
            dark=self.app.current_theme.dark,
            plain=self.app.no_color,
            figures=self.table.due,
        )

    @property
    def _sparkline_width(self) -> int:
        fixed = 58 if self.size.width < SIDE_BY_SIDE else 110
        return min(60, max(8, self.size.width - fixed))

    def show(self, frame: Answer) -> None:
        reader, shown = frame
        if self._reader is None:
            self._reader = reader
            self._prepare(reader)
            self.look()
        elif shown is not None:
            self._show(shown)
        elif self._frame is not None:
            self.pictures.show(self._frame, self._highlighted_label)

    def complain(self, problem: str) -> None:
        self._say(problem, "failed")

    # --- showing

    def _prepare(self, reader: WatchReader) -> None:
        """What depends on the experiment only."""
        made = reader.experiment
        name = made.title.lower().replace(" ", "-") or reader.folder.id
        self.facts.update(plain(model.facts(made, name)))
        by = axis_title(made, long=True)
        seeds = len(made.seed_list)
        one = "1 seed" if made.recorded is None else "recorded"
        each = one if seeds == 1 else f"{seeds} seeds each, mean ± 95 %"
        self.table_box.border_title = framed(f"by {by} ({each})" if by else each)
        clean = not model.has_lies(made)
        shape = model.picture(made)
        self.set_class(clean or shape == (), "-no-pictures")
        self.charts.prepare(clean, model.untold(made), model.axis(made))
        self.pictures.prepare(shape is not None and max(shape, default=0) <= SMALL_SIDE)
        self._fit_layout()

    def _fit_layout(self) -> None:
        """Classes, titles and columns that depend on size, page and zoom."""
        self.charts.fit(self._cursor_label)
        self.set_class(self.charts.zoomed, "-zoomed")
        made = self._reader.experiment if self._reader is not None else None
        title = axis_title(made) if made is not None else ""
        table = self.table
        narrow = self.size.width < SIDE_BY_SIDE
        untold = made is not None and model.untold(made)
        axis = "epoch" if made is None else model.axis(made)
        shown = columns(title or "group", narrow, self._sparkline_width, untold, axis)
        table.set_columns(shown)
        lines = self.instruments.prepare(self._instruments)
        self.pictures.styles.min_height = lines
        rows = len(self._reader.values()) if self._reader is not None else 6
        room = self.size.height - (17 if narrow else 28)
        table.styles.height = 1 + min(rows, max(3, room))

    @property
    def _instruments(self) -> int:
        """How many there are to show: those that are on, or have measured."""
        on = 0 if self._reader is None else len(self._reader.experiment.instruments.names)
        return max(on, 0 if self._frame is None else len(self._frame.instruments))

    @property
    def _cursor_label(self) -> str:
        key = self.table.cursor_key
        values = self._frame.values if self._frame is not None else ()
        return next((value.label for value in values if value.key == key), "")

    @property
    def _highlighted_label(self) -> str:
        return self._cursor_label if self._highlighted else ""

    def _show(self, frame: WatchFrame) -> None:
        known = self._instruments
        before, self._frame = self._frame, frame
        self.calm = frame.state.final
        if self._instruments != known:
            self._fit_layout()
            self.refresh_bindings()
        self.progress.set_progress(frame.progress)
        self.table.show(frame)
        cursor = self.table.cursor_key
        self.charts.show(frame.charts, cursor if self._highlighted else None, frame.chance)
        self.pictures.show(frame, self._highlighted_label)
        over = frame.state.state == "finished"
        self.instruments.show(frame.instruments, self._highlighted_label, over)
        self._put_verdict(frame.verdict)
        if before is None:
            self.charts.entitle(self._cursor_label)
        if before is None or before.state.state != frame.state.state:
            self.refresh_bindings()
        answer = self.answer(frame.state.state)
        if answer.error:
            self._say(answer.error, "failed")
        else:
            said = "  ".join((answer.note or frame.sentence, *frame.problems)).strip()
            self._say(said, frame.state.state)

    def _put_verdict(self, text: str) -> None:
        line, text = self.verdict, plain(text)
        if line.content != text:
            line.update(text)
            line.set_class(bool(text), "-shown")

    def _say(self, text: str, state: str = "") -> None:
        line, text = self.sentence, plain(text)
        wanted = {f"-{state}"} | ({"-shown"} if text else set())
        if line.content != text:
            line.update(text)
        if set(line.classes) != wanted:
            line.set_classes(wanted)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.about is None:
            return False
        if action in STEERING:
            return self._steerable and self.can_steer(action)
        if action == "detach":
            return self.run_state is not None and self.run_state.living
        if action == "page":
            return self.charts.single
        if action in ("instruments", "examples"):
            made = self._reader.experiment if self._reader is not None else None
            if made is None:
                return False
            return bool(self._instruments) if action == "instruments" else model.looks_at(made)
        if action == "pictures":
            return not self.has_class("-no-pictures") and not (
                self.has_class("-tall") and self.has_class("-wide")
            )
        return True

    @property
    def _steerable(self) -> bool:
        """Whether a worker of ours trains it, and not a loop of somebody's own."""
        return self._reader is None or self._reader.experiment.recorded is None

    def on_values_table_steered(self) -> None:
        """Highlights the curves of the cursor's row."""
        self._highlighted = True
        self.charts.highlight(self.table.cursor_key)
        self.charts.entitle(self._cursor_label)
        self.pictures.hurry()
        self.look()

    def on_line_table_row_selected(self, message: LineTable.RowSelected) -> None:
        if self._reader is not None:
            self.app.push_screen(MembersScreen(message.row_key))

    def action_clear(self) -> None:
        """Back to all, alike."""
        self._highlighted = False
        self.charts.highlight(None)
        self.pictures.hurry()
        self.look()

    def action_zoom(self) -> None:
        """One chart large, or all again."""
        self.charts.zoomed = not self.charts.zoomed
        self._fit_layout()
        self.refresh_bindings()
        self.look()

    def action_page(self, step: int) -> None:
        self.charts.turn(step)
        self._fit_layout()
        self.look()

    def action_loss(self) -> None:
        """Losses in place of accuracies, or back."""
        self.charts.loss = not self.charts.loss
        self._fit_layout()
        self.look()

    def action_pictures(self) -> None:
        """Pictures in place of the table, or back."""
        self.toggle_class("-pictures")
        self.pictures.hurry()
        if self._frame is not None:
            self.call_after_refresh(self.pictures.show, self._frame, self._highlighted_label)

    def action_instruments(self) -> None:
        self.app.push_screen(InstrumentsScreen(self.table.cursor_key))

    def action_examples(self) -> None:
        """Opens the examples that were memorized last under the microscope."""
        from memlab.runs.examples import LEARNED
        from memlab.tui.microscope.screen import open_microscope

        key = self.table.cursor_key if self._highlighted else None
        open_microscope(self.app, "watch", LEARNED, None if key is None else int(key))

    def action_log(self) -> None:
        if self.about is not None:
            self.app.push_screen(LogScreen())

    def action_detach(self) -> None:
        """Leaves the run to itself."""
        if self._frame is not None and self._frame.state.living:
            self.notify(f"The run goes on. `memlab watch {self.about}` comes back to it.")
        shell(self).show_library()

    # --- what steering needs to know

    @property
    def run_state(self) -> RunState | None:
        """The state shown."""
        return self._frame.state if self._frame is not None else None

    def on_steering_screen_asked(self, message: SteeringScreen.Asked) -> None:
        """Says what was asked, or why it could not be."""
        self._say(message.error or message.note, "failed" if message.error else "paused")
        self.look()
