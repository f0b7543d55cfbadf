"""The board in short: what holds, what fails and what is open; its checks and its error rate."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from memlab.tui.header import ShellHeader
from memlab.tui.message import put
from memlab.tui.scoreboard import model
from memlab.tui.scoreboard.model import Frame
from memlab.tui.scoreboard.page import ScoreboardPage
from memlab.tui.widgets.key_line import KeyLine


class FirstPage(ScoreboardPage):
    """Pushed over the Scoreboard, which tells it what is new."""

    TITLE = "The board in short"
    ABOUT = (
        "How many claims hold, fail and are open, how many would by chance, what the papers got "
        "right at this size, and what is a theorem and not counted."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "scroll_text(1)", "scroll", key_display="PgDn"),
        Binding("pageup", "scroll_text(-1)", "scroll back", show=False),
    ]

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame, "")

    def compose(self) -> ComposeResult:
        yield ShellHeader("scoreboard")
        yield Static("", id="message", markup=False)
        with VerticalScroll(id="told"):
            yield Static("", id="first", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one("#told").focus()
        self.show(self._frame)

    def show(self, frame: Frame) -> None:
        """Takes a newer frame."""
        self._frame = frame
        put(self, "#first", model.first_page(frame, self.app.current_theme.dark))
