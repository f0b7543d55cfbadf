"""What lies over the Scoreboard and shows a part of it in full: kept up to date by it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from memlab.tui.message import say
from memlab.tui.scoreboard import model
from memlab.tui.scoreboard.model import Frame
from memlab.tui.shell import HEIGHTS, WIDTHS


class ScoreboardPage(Screen[None]):
    """A page about a claim or a paper, which `names` on the command line."""

    CSS_PATH = "page.tcss"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy command"),
        Binding("escape", "dismiss", "back", key_display="esc"),
    ]

    def __init__(self, frame: Frame, name: str) -> None:
        super().__init__()
        self._frame, self._named = frame, name

    def show(self, frame: Frame) -> None:
        """Takes a newer frame."""
        raise NotImplementedError

    def action_copy(self) -> None:
        command = model.command(self._named, self._frame.size)
        self.app.copy_to_clipboard(command)
        say(self, f"Copied: {command}")

    def action_scroll_text(self, direction: int) -> None:
        """A page of the text further."""
        told = self.query_one("#told")
        if direction > 0:
            told.scroll_page_down(animate=False)
        else:
            told.scroll_page_up(animate=False)
