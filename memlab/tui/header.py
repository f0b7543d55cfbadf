"""The first line of every screen: the five screens with their keys, and what run is at hand."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.reactive import reactive

from memlab.tui.widgets.painted_lines import PaintedLines, Piece

NAMES = ("compose", "watch", "report", "library", "scoreboard")


class ShellHeader(PaintedLines):
    """`memlab  1 Compose  2 Watch …` with the current screen marked; a click switches."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--name",
        "header--screen",
        "header--current",
        "header--context",
    }
    DEFAULT_CSS = """
    ShellHeader {
        dock: top;
        height: 1;
        background: $panel;
        & > .header--name { color: $foreground; text-style: bold; }
        & > .header--screen { color: $foreground 65%; }
        & > .header--current { color: $accent; text-style: bold reverse; }
        & > .header--context { color: $foreground 65%; }
    }
    """
    context: reactive[str] = reactive("")

    def __init__(self, current: str) -> None:
        super().__init__()
        self.current = current
        self._spots: list[tuple[range, str]] = []

    def on_mount(self) -> None:
        self.context = getattr(self.app, "selected_run", None) or ""

    def line(self, y: int) -> list[Piece]:
        """The context gives way where there is no room."""
        name = self.style_of("header--name")
        pieces: list[Piece] = [(" memlab ", name)]
        x, self._spots = 8, []
        for index, screen in enumerate(NAMES, start=1):
            kind = "current" if screen == self.current else "screen"
            text = f" {index} {screen.title()} "
            pieces.append((text, self.style_of(f"header--{kind}")))
            self._spots.append((range(x, x + len(text)), screen))
            x += len(text)
        style = self.style_of("header--context")
        room = self.size.width - x - 3
        context = self.context if cell_len(self.context) <= room else ""
        if not context and room > 12 and self.context:
            context = self.context[: room - 1] + "…"
        pieces.append((" " * max(0, self.size.width - x - cell_len(context) - 1), style))
        pieces.append((context + " ", style))
        return pieces

    def on_click(self, event: events.Click) -> None:
        for span, screen in self._spots:
            if event.x in span:
                self.run_later(screen)

    def run_later(self, screen: str) -> None:
        """Switches once the click is dealt with."""
        self.app.call_later(self.app.run_action, f"app.mode({screen!r})")
