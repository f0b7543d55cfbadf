"""What is shown instead of a screen that has no room; it goes when the terminal grows."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen
from textual.widgets import Static

SMALLEST = (80, 24)


class TooSmall(ModalScreen[None]):
    """Says how large the terminal is and how large it has to be."""

    DEFAULT_CSS = """
    TooSmall {
        align: center middle;
        background: $background;
        & > Static { width: 100%; height: auto; text-align: center; color: $foreground; }
    }
    """
    BINDINGS = [Binding("q,ctrl+q", "app.quit", "quit")]  # noqa: RUF012 - Textual's own shape

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def on_mount(self) -> None:
        self.on_resize()

    def on_resize(self) -> None:
        width, height = self.app.size
        wide, high = SMALLEST
        self.query_one(Static).update(
            f"memlab needs {wide}×{high}\nthis is {width}×{height}\nmake it larger, or q quits"
        )


def too_small(width: int, height: int) -> bool:
    """Whether a terminal has no room for the screens."""
    return width < SMALLEST[0] or height < SMALLEST[1]
