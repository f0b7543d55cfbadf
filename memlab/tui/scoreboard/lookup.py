"""Lookup table or learner? The answer, what each of the claims says of it, and its figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from memlab.claims.claim import Panel
from memlab.reports import lookup_question
from memlab.reports.scoreboard_panels import drawn
from memlab.tui.header import ShellHeader
from memlab.tui.message import put
from memlab.tui.scoreboard import model
from memlab.tui.scoreboard.model import Frame, Standing
from memlab.tui.scoreboard.page import ScoreboardPage
from memlab.tui.shell import HEIGHTS
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.panel_chart import PanelChart, PanelFigure
from memlab.tui.widgets.table import LineTable

#: Rows of the figure at most, where there are few and where there are many.
FIGURE: Final = (9, 16)


class LookupClaims(LineTable):
    """The claims that answer the question."""

    SORTABLE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "open")]


class LookupScreen(ScoreboardPage):
    """Pushed over the Scoreboard, which tells it what is new."""

    TITLE = "Lookup table or learner?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "run claim"),
    ]

    def __init__(
        self, frame: Frame, open_claim: Callable[[str], None], run: Callable[[str], None]
    ) -> None:
        """`run` starts what is missing for a claim of that id, or for the paper of that name."""
        super().__init__(frame, lookup_question.PAPER)
        self._open, self._run = open_claim, run
        self._panel: Panel | None = None
        self._least: int | None = None  # rows that the figure needs, where it has marks by name

    def compose(self) -> ComposeResult:
        yield ShellHeader("scoreboard")
        yield Static("", id="answer", markup=False)
        yield Static("", id="message", markup=False)
        with Horizontal(id="figure"):
            yield PanelFigure()
        yield LookupClaims(model.LOOKUP_COLUMNS, id="claims")
        yield Static("", id="conditions", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one(LookupClaims).focus()
        self.show(self._frame)

    @property
    def _standings(self) -> list[Standing]:
        """In the order of the page; those that are being measured come later."""
        return [self._standing(case) for case in lookup_question.cases(self._frame.entries)]

    def _standing(self, case: lookup_question.Case) -> Standing:
        found = self._frame.find(case.entry.claim.id)
        assert found is not None
        return found

    def show(self, frame: Frame) -> None:
        """Takes a newer frame."""
        self._frame = frame
        dark, cases = self.app.current_theme.dark, lookup_question.cases(frame.entries)
        table = self.query_one(LookupClaims)
        rows = [model.lookup_cells(self._standing(case), case, dark) for case in cases]
        table.set_rows([case.entry.claim.id for case in cases], rows)
        self._tell()

    @property
    def _tall(self) -> bool:
        return self.size.height >= HEIGHTS[1][0]

    def _draw(self) -> None:
        """The figure of the claim under the cursor."""
        entries = self._frame.entries
        panel = lookup_question.figure(entries, self.query_one(LookupClaims).cursor_key or "")
        self.query_one("#figure").display = panel is not None
        if panel is not None and (self._panel is None or panel.lines != self._panel.lines):
            made = drawn(panel, lettered=self.app.no_color)
            self.query_one(PanelFigure).present(made)
            self._least = made.least_height
        most = FIGURE[self._tall]
        self.query_one(PanelChart).styles.height = min(most, self._least or most)
        self._panel = panel

    def _tell(self) -> None:
        told = lookup_question.answer if self._tall else lookup_question.brief
        put(self, "#answer", told(self._frame.entries))
        self._draw()
        standing = self._frame.find(self.query_one(LookupClaims).cursor_key or "")
        if standing is not None:
            dark = self.app.current_theme.dark
            parts = [model.words(standing, dark)]
            if self._tall and not standing.problem:
                parts = [model.conditions(standing, dark)]
            put(self, "#conditions", Text("\n").join(parts))

    def on_resize(self, event: events.Resize) -> None:
        """Tells as much as there is room for."""
        self.call_after_refresh(self._tell)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "run" and self.is_mounted:
            standing = self._frame.find(self.query_one(LookupClaims).cursor_key or "")
            runs = standing.runs if standing is not None else ()
            return any(line.state != "finished" for line in runs)
        return True

    def on_line_table_row_highlighted(self) -> None:
        self._tell()
        self.refresh_bindings()

    def on_line_table_row_selected(self, message: LineTable.RowSelected) -> None:
        self._open(message.row_key)

    def action_run(self) -> None:
        """Starts what is missing for the claim under the cursor."""
        self._run(self.query_one(LookupClaims).cursor_key or "")
