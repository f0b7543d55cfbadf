"""One claim opened: its figure, conditions, explanation, control and runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from memlab.claims.claim import Panel
from memlab.reports.claim_lines import MARKS
from memlab.reports.scoreboard import Entry
from memlab.reports.scoreboard_comparison import panels_of
from memlab.reports.scoreboard_panels import drawn
from memlab.tui import palette
from memlab.tui.header import ShellHeader
from memlab.tui.message import put, say
from memlab.tui.scoreboard import model
from memlab.tui.scoreboard.model import Frame, Standing
from memlab.tui.scoreboard.page import ScoreboardPage
from memlab.tui.shell import shell
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.panel_chart import PanelFigure
from memlab.tui.widgets.table import LineTable

MOST_ACROSS = 4
SIDE_BY_SIDE = 120  # columns from which panels stand beside each other
PANEL_WIDTH = 52


class ClaimRuns(LineTable):
    """The runs of one claim."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "open run")]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is sorted; a page is one of the text above."""
        if action == "select":
            return bool(self.cursor_key)
        return not action.startswith(("sort", "page"))


class ClaimScreen(ScoreboardPage):
    """Pushed over the Scoreboard, which tells it what is new."""

    TITLE = "Claim"
    ABOUT = (
        "Each condition with its 95 % interval over replicates against what was asked, S, N or ?. "
        "The control is the same where the rival explanation alone is at work; C is a claim whose "
        "control meets the criterion too."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "panel(-1)", "panel", key_display="← →"),
        Binding("left", "panel(-1)", "previous panel", show=False),
        Binding("right,right_square_bracket", "panel(1)", "next panel", show=False),
        Binding("r", "run", "run"),
        Binding("pagedown", "scroll_text(1)", "scroll", key_display="PgDn"),
        Binding("pageup", "scroll_text(-1)", "scroll back", show=False),
    ]

    def __init__(self, frame: Frame, claim_id: str, run: Callable[[str], None]) -> None:
        """`run` starts what is missing for a claim of that id."""
        super().__init__(frame, claim_id)
        self._run = run
        self._entry: Entry | None = None
        self._panels: tuple[Panel, ...] = ()
        self._first = 0

    def compose(self) -> ComposeResult:
        yield ShellHeader("scoreboard")
        yield Static("", id="claim", markup=False)
        yield Static("", id="message", markup=False)
        with Horizontal(id="figure"):
            for _ in range(MOST_ACROSS):
                yield PanelFigure()
        with Horizontal(id="below"):
            with VerticalScroll(id="told"):
                yield Static("", id="conditions", markup=False)
                yield Static("", id="explanation", markup=False)
            runs = ClaimRuns(model.RUN_COLUMNS, id="runs", empty="it needs no run")
            yield runs
        yield KeyLine()

    def on_mount(self) -> None:
        standing = self._standing
        self.query_one("#runs" if standing.runs else "#told").focus()
        self.show(self._frame)

    def on_resize(self, event: events.Resize) -> None:
        """As many panels as fit."""
        self._draw(event.size.width)

    @property
    def _standing(self) -> Standing:
        found = self._frame.find(self._named)
        assert found is not None
        return found

    # --- showing

    def show(self, frame: Frame) -> None:
        """Takes a newer frame."""
        self._frame = frame
        standing, dark = self._standing, self.app.current_theme.dark
        if standing.problem:
            say(self, standing.problem, error=True)
        put(self, "#conditions", model.conditions(standing, dark))
        put(self, "#explanation", model.explained(standing, frame.replicates))
        table = self.query_one(ClaimRuns)
        keys = [line.name for line in standing.runs]
        table.set_rows(keys, [model.run_cells(line, dark) for line in standing.runs])
        table.styles.height = 1 + max(1, len(keys))
        if standing.entry is not self._entry:
            self._entry, self._first = standing.entry, 0
            self._panels = panels_of(standing.entry) if standing.entry is not None else ()
            self._draw(self.size.width)
            self.refresh_bindings()
        self._head()

    def _across(self, width: int) -> int:
        """How many panels stand side by side."""
        if width < SIDE_BY_SIDE:
            return 1
        return min(MOST_ACROSS, max(1, width // PANEL_WIDTH))

    def _draw(self, width: int) -> None:
        across = self._across(width)
        self._first = min(self._first, max(0, len(self._panels) - across))
        shown = self._panels[self._first : self._first + across]
        made = [drawn(panel, lettered=self.app.no_color) for panel in shown]
        heights = [one.least_height for one in made]
        whole = self.query_one("#figure")
        whole.display = bool(shown)
        whole.styles.height = whole.styles.min_height = None
        if shown and None not in heights:  # marks by name alone: no higher than their names
            whole.styles.height = max(height or 0 for height in heights)
            whole.styles.min_height = 3
        for index, figure in enumerate(self.query(PanelFigure)):
            figure.display = index < len(shown)
            if index < len(shown):
                figure.present(made[index])
        self._head()

    def _head(self) -> None:
        """The verdict and the title, and which panels are shown where not all are."""
        standing, across = self._standing, self._across(self.size.width)
        tone = palette.verdict(standing.shown, self.app.current_theme.dark)
        text = Text.assemble(
            (f"{MARKS[standing.shown][0]} {standing.shown}", f"bold {tone}"),
            (f"  {standing.claim.id}  {standing.claim.title}", "bold"),
        )
        if len(self._panels) > across:
            first, last = self._first + 1, self._first + across
            at = f"{first}" if across == 1 else f"{first} to {last}"
            text.append(f"   panel {at} of {len(self._panels)}", "dim")
        put(self, "#claim", text)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        if action == "panel":
            return len(self._panels) > self._across(self.size.width)
        if action == "run":
            return any(line.state != "finished" for line in self._standing.runs)
        return True

    def on_line_table_row_selected(self, message: LineTable.RowSelected) -> None:
        line = next(line for line in self._standing.runs if line.name == message.row_key)
        if line.run_id:
            shell(self).show_report(line.run_id)
        else:
            say(self, line.problem or "This run is not started; r starts it.", bool(line.problem))

    def action_panel(self, step: int) -> None:
        last = max(0, len(self._panels) - self._across(self.size.width))
        self._first = (self._first + step) % (last + 1)
        self._draw(self.size.width)

    def action_run(self) -> None:
        """Starts what is missing for this claim."""
        self._run(self._named)
