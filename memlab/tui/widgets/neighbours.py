"""A few examples of one class around another one: pictures in a grid, or values as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style

from memlab.charts.sparkline import sparkline
from memlab.tui.widgets.columns import fit
from memlab.tui.widgets.painted_lines import PaintedLines, Piece
from memlab.tui.widgets.picture import GAP, Pixels, fitted, picture_lines


class ExampleGrid(PaintedLines):
    """As many columns as make the pictures largest; a title above them. One picture fills it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"grid--title", "grid--body", "grid--empty"}
    DEFAULT_CSS = """
    ExampleGrid {
        width: 1fr;
        height: 1fr;
        & > .grid--title { color: $foreground; text-style: bold; }
        & > .grid--body { color: $foreground 80%; }
        & > .grid--empty { color: $foreground 60%; text-style: italic; }
    }
    """

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.empty = empty
        self._title = ""
        self._pictures: list[Pixels] = []
        self._values: list[Sequence[float]] = []
        self._lines: list[list[Piece]] = []

    def show_pictures(self, title: str, pictures: Sequence[Pixels]) -> None:
        """Shows these, of one size, row by row."""
        self._title, self._pictures, self._values = title, list(pictures), []
        self.repaint()

    def show_values(self, title: str, values: Sequence[Sequence[float]]) -> None:
        """Shows these as a curve each, on one scale."""
        self._title, self._pictures, self._values = title, [], list(values)
        self.repaint()

    def line(self, y: int) -> list[Piece]:
        return self._lines[y] if y < len(self._lines) else []

    def compose_lines(self) -> None:
        width, height = self.size
        top = int(bool(self._title))
        body = self._drawn(width, height - top)
        title = [(fit(self._title, width, "center"), self.style_of("grid--title"))]
        above = max(0, height - top - len(body)) // 2 if not top else 0
        self._lines = [*([title] if top else []), *([[]] * above), *body]

    def _drawn(self, width: int, height: int) -> list[list[Piece]]:
        if self._pictures:
            return self._pictured(width, height)
        if self._values:
            return self._curves(width)
        return [[(fit(self.empty, width, "center"), self.style_of("grid--empty"))]]

    def _curves(self, width: int) -> list[list[Piece]]:
        every = [value for values in self._values for value in values]
        low, high = min(every), max(every)
        style, lines = self.style_of("grid--body"), list[list[Piece]]()
        for values in self._values:
            lines += [[], [(sparkline(values, width, low, high).center(width), style)]]
        return lines

    def _pictured(self, width: int, height: int) -> list[list[Piece]]:
        columns = columns_for(self._pictures, width, height)
        rows = -(-len(self._pictures) // columns)
        wide, high = _room(width, height, columns, rows)
        plain = self.app.no_color or self.app.console.color_system in (None, "standard")
        style = self.style_of("grid--body")
        lines: list[list[Piece]] = []
        for start in range(0, len(self._pictures), columns):
            drawn = [
                picture_lines(fitted(each, wide, 2 * high), shades=plain)
                for each in self._pictures[start : start + columns]
            ]
            if start and drawn[0]:
                lines.append([])
            for y in range(max(map(len, drawn), default=0)):
                line: list[Piece] = []
                for strips in drawn:
                    line += [(" " * GAP, style)] if line else []
                    line += [(text, style + (own or Style())) for text, own, _ in strips[y]]
                lines.append(_centred(line, width, style))
        return lines


def columns_for(pictures: Sequence[Pixels], width: int, height: int) -> int:
    """In how many columns pictures of one size come out largest; the fewest of equals."""
    count = len(pictures)

    def painted(columns: int) -> int:
        rows = -(-count // columns)
        wide, high = _room(width, height, columns, rows)
        made = fitted(pictures[0], wide, 2 * high)
        return len(made) * len(made[0]) if made else 0

    return max(range(1, count + 1), key=lambda columns: (painted(columns), -columns))


def _room(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """Cells for each of so many pictures: across and down."""
    return (width - GAP * (columns - 1)) // columns, (height - (rows - 1)) // rows


def _centred(line: list[Piece], width: int, style: Style) -> list[Piece]:
    spare = width - sum(cell_len(text) for text, _ in line)
    return [(" " * max(0, spare // 2), style), *line]
