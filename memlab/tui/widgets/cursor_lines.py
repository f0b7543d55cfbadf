"""Painted lines with a cursor that scroll: what keys and mouse do alike in a table and a form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.scroll_view import ScrollView

from memlab.tui.widgets.painted_lines import PaintedLines


class CursorLines(PaintedLines, ScrollView, can_focus=True):
    """Lines in a scroll under `header` fixed ones; the cursor is on one at which it may stop."""

    DEFAULT_CSS = """
    CursorLines {
        width: 1fr;
        height: 1fr;
        overflow: hidden auto;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(False)", "First", show=False),
        Binding("end,G", "edge(True)", "Last", show=False),
        Binding("enter", "select", "Open", show=False),
    ]
    header = 0

    @property
    def cursor_line(self) -> int:
        """Index of the cursor's line; -1 where it is nowhere."""
        raise NotImplementedError

    @property
    def stops(self) -> Sequence[int]:
        """The lines at which the cursor stops, in order."""
        raise NotImplementedError

    def go(self, index: int) -> None:
        """Puts the cursor on a line at which it stops, and shows it."""
        raise NotImplementedError

    def action_select(self) -> None:
        """Opens the cursor's line."""
        raise NotImplementedError

    def opens_at_once(self, index: int) -> bool:
        """Whether one click opens a line; others open with a click on the cursor's line."""
        return False

    def belongs(self, index: int) -> tuple[int, int]:
        """First and last of the lines that are to be seen with this one."""
        return index, index

    # --- keys and mouse

    def action_move(self, step: int) -> None:
        """Moves the cursor by so many lines, or to the next stop after them."""
        stops, wanted = self.stops, self.cursor_line + step
        if not stops:
            return
        if step > 0:
            self.go(next((at for at in stops if at >= wanted), stops[-1]))
        else:
            self.go(next((at for at in reversed(stops) if at <= wanted), stops[0]))

    def action_page(self, direction: int) -> None:
        """Moves the cursor by a page up (-1) or down (1)."""
        self.action_move(direction * max(1, self.size.height - self.header - 1))

    def action_edge(self, last: bool) -> None:
        """Moves the cursor to the first or the last stop."""
        if self.stops:
            self.go(self.stops[-1 if last else 0])

    def on_click(self, event: events.Click) -> None:
        """Moves the cursor to the line under the mouse; a second click opens."""
        index = event.y - self.header + self.scroll_offset.y
        if event.y < self.header:
            self.click_header(event.x)
        elif index in self.stops:
            again = index == self.cursor_line
            self.go(index)
            if again or self.opens_at_once(index):
                self.action_select()

    def click_header(self, x: int) -> None:
        """A click on what stands above the lines."""

    def on_focus(self) -> None:
        """The cursor looks different with focus."""
        self.repaint_all(restyled=True)

    on_blur = on_focus

    def scroll_to_cursor(self) -> None:
        """Scrolls as little as shows the cursor's line and what belongs to it."""
        index, height, top = self.cursor_line, self.size.height - self.header, self.scroll_offset.y
        if index < 0 or height <= 0:
            return
        first, last = self.belongs(index)
        if first < top:
            self.scroll_to(y=first, animate=False)
        elif last >= top + height:
            self.scroll_to(y=min(index, last - height + 1), animate=False)
