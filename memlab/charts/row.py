"""Rows of styled cells, and which part of a row has changed: the basis of small repaints."""

from __future__ import annotations

from collections.abc import Iterator


class Row:
    """One line of single-width cells, each a character and the number of a style."""

    __slots__ = ("cells", "styles")

    def __init__(self, width: int) -> None:
        self.cells: list[str] = [" "] * width
        self.styles: list[int] = [0] * width

    def put(self, x: int, text: str, style: int) -> None:
        """Writes text at a column, cut to the row."""
        width = len(self.cells)
        if x < 0:
            text, x = text[-x:], 0
        text = text[: max(0, width - x)]
        if text:
            self.cells[x : x + len(text)] = text
            self.styles[x : x + len(text)] = [style] * len(text)

    def changed_span(self, before: Row) -> tuple[int, int] | None:
        """First column and one past the last column that differ, or None."""
        if self.cells == before.cells and self.styles == before.styles:
            return None
        cells, styles, last = self.cells, self.styles, len(self.cells) - 1
        if len(before.cells) != len(cells):
            return 0, len(cells)
        first = 0
        while cells[first] == before.cells[first] and styles[first] == before.styles[first]:
            first += 1
        while cells[last] == before.cells[last] and styles[last] == before.styles[last]:
            last -= 1
        return first, last + 1

    def runs(self) -> Iterator[tuple[str, int]]:
        """The row from left to right as texts of equal style, each with its style's number."""
        cells, numbers = self.cells, self.styles
        start, width = 0, len(cells)
        for x in range(1, width + 1):
            if x == width or numbers[x] != numbers[start]:
                yield "".join(cells[start:x]), numbers[start]
                start = x
