"""Lookup table or learner? The answer, the network beside the others, and the four claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

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
from memlab.tui.widgets.panel_chart import PanelFigure
from memlab.tui.widgets.table import LineTable


class LookupClaims(LineTable):
    """The claims that answer the question."""

    SORTABLE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "open")]


class LookupScreen(ScoreboardPage):
    """Pushed over the Scoreboard, which tells it what is new."""

    TITLE = "Lookup table or learner?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "run what is missing"),
    ]

    def __init__(
        self, frame: Frame, open_claim: Callable[[str], None], run: Callable[[str], None]
    ) -> None:
        """`run` starts what is missing for a claim of that id, or for the paper of that name."""
        super().__init__(frame, lookup_question.PAPER)
        self._open, self._run = open_claim, run
        self._panel: Panel | None = None

    def compose(self) -> ComposeResult:
        yield ShellHeader("scoreboard")
        yield Static("", id="answer", markup=False)
        yield Static("", id="message", markup=False)
        with Horizontal(id="figure"):
            yield PanelFigure()
        yield LookupClaims(model.COLUMNS, id="claims")
        yield Static("", id="conditions", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one(LookupClaims).focus()
        self.show(self._frame)

    @property
    def _standings(self) -> list[Standing]:
        return [s for s in self._frame.standings if s.claim.paper == lookup_question.PAPER]

    def show(self, frame: Frame) -> None:
        """Takes a newer frame."""
        self._frame = frame
        dark = self.app.current_theme.dark
        put(self, "#answer", lookup_question.answer(frame.entries))
        table = self.query_one(LookupClaims)
        table.set_rows(
            [one.claim.id for one in self._standings],
            [model.cells(one, dark) for one in self._standings],
        )
        table.styles.height = 1 + len(self._standings)
        panel = lookup_question.comparison(frame.entries)
        self.query_one("#figure").display = panel is not None
        if panel is not None and (self._panel is None or panel.lines != self._panel.lines):
            self.query_one(PanelFigure).present(drawn(panel, lettered=self.app.no_color))
        self._panel = panel
        self._tell()

    def _tell(self) -> None:
        standing = self._frame.find(self.query_one(LookupClaims).cursor_key or "")
        if standing is not None:
            dark = self.app.current_theme.dark
            told = [model.words(standing, dark)]
            if self.size.height >= HEIGHTS[1][0] and not standing.problem:
                explained = model.explained(standing, self._frame.replicates)
                told = [model.conditions(standing, dark), Text(), explained]
            put(self, "#conditions", Text("\n").join(told))

    def on_resize(self, event: events.Resize) -> None:
        """Tells as much as there is room for."""
        self.call_after_refresh(self._tell)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "run":
            return any(line.state != "finished" for one in self._standings for line in one.runs)
        return True

    def on_line_table_row_highlighted(self) -> None:
        self._tell()

    def on_line_table_row_selected(self, message: LineTable.RowSelected) -> None:
        self._open(message.row_key)

    def action_run(self) -> None:
        """Starts what is missing for the four claims."""
        self._run(lookup_question.PAPER)
