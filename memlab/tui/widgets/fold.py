"""A line that unfolds on Enter: a title, and a body that is there on demand."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widgets import Static

CURSOR = "▸"
CLOSED, OPENED = "+", "−"
INDENT = 4


class Fold(Static, can_focus=True):
    """`+ title  note`; the cursor is before the one with the focus, as in tables.

    The body is rendered only while it is open, and stays open when it is told something new.
    """

    DEFAULT_CSS = """
    Fold {
        height: auto;
        color: $foreground 80%;
        &:focus { color: $foreground; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "unfold", "unfold", key_display="⏎"),
    ]
    opened: reactive[bool] = reactive(False, layout=True)

    def __init__(self, name: str) -> None:
        """`name` tells it from other folds."""
        super().__init__("", name=name, markup=False)
        self._told: tuple[str, str, RenderableType] = ("", "", "")

    def show(self, title: str, note: str, body: RenderableType) -> None:
        """What it says closed, and what it holds; repainted only where that is another."""
        if (title, note, body) != self._told:
            self._told = (title, note, body)
            self._paint()

    def watch_opened(self) -> None:
        self._paint()

    def watch_has_focus(self, value: bool) -> None:
        super().watch_has_focus(value)
        self._paint()

    def on_click(self) -> None:
        """As Enter does."""
        self.action_unfold()

    def action_unfold(self) -> None:
        """Unfolds and shows what there is, or folds again."""
        self.opened = not self.opened
        self.call_after_refresh(self.scroll_visible, animate=False)

    def _paint(self) -> None:
        title, note, body = self._told
        head = f"{CURSOR if self.has_focus else ' '} {OPENED if self.opened else CLOSED} {title}"
        line = Text.assemble((head, "bold"), f"   {note}" if note else "")
        line.no_wrap, line.overflow = True, "ellipsis"
        self.update(Group(line, Padding(body, (0, 0, 1, INDENT))) if self.opened else line)
