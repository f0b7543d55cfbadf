"""One picture, as large as its widget has room for."""

from __future__ import annotations

from rich.style import Style

from memlab.tui.widgets.painted_lines import PaintedLines, Piece
from memlab.tui.widgets.picture import Pixels, enlarge, picture_lines


class LargePicture(PaintedLines):
    """Half blocks, enlarged by a whole factor, in the middle."""

    DEFAULT_CSS = """
    LargePicture { width: 1fr; height: 14; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pixels: Pixels | None = None
        self._lines: list[list[Piece]] = []

    def show(self, pixels: Pixels | None) -> None:
        """Shows another picture, or none."""
        self._pixels = pixels
        self.repaint()

    def compose_lines(self) -> None:
        width, height = self.size
        self._lines = []
        if self._pixels is None:
            return
        plain = self.app.no_color or self.app.console.color_system in (None, "standard")
        base = self.rich_style
        for strip in picture_lines(enlarge(self._pixels, width, 2 * height), shades=plain):
            body = [(text, base + (own or Style())) for text, own, _ in strip]
            self._lines.append([(" " * ((width - strip.cell_length) // 2), base), *body])

    def line(self, y: int) -> list[Piece]:
        return self._lines[y] if y < len(self._lines) else [("", self.rich_style)]
