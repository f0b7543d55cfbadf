"""The columns and the order of a table: how wide columns are, which go first where room is short.

Pure: no widget. `Cell` is what a cell may be; `piece` turns one into padded text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from memlab.text import plain

Align = Literal["left", "right", "center"]
GAP = 2


class Coloured(NamedTuple):
    """Cell text in one colour (hex): cheaper than a Rich Text."""

    text: str
    colour: str | None = None
    bold: bool = False


class Heading(Coloured):
    """In a row's first cell: this text alone, over the whole width."""


Cell = str | Coloured | Text
Piece = tuple[str, Style]
_NUMBER = re.compile(r"[−+-]?(?:\d[\d,]*)?\.?\d+(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Column:
    """One column; `width` 0 follows its widest text seen and never shrinks.

    Columns with the highest `priority` are dropped first where room is short; priority 0 stays.
    `formatter` turns any value of a cell into text; `flexible` takes the room that is left, and of
    width 0 needs that of its texts now: a stand-in that was longer must not cost other columns.
    """

    key: str
    title: str
    width: int = 0
    align: Align = "left"
    formatter: Callable[[object], Cell] | None = None
    priority: int = 0
    flexible: bool = False
    sortable: bool = True


def cell_of(value: object, column: Column) -> Cell:
    """The cell of any value: through the column's formatter, else as text."""
    if column.formatter is not None:
        return column.formatter(value)
    return value if isinstance(value, str | Coloured | Text) else str(value)


def text_of(cell: Cell) -> str:
    """A cell without its colours."""
    return cell if isinstance(cell, str) else cell.plain if isinstance(cell, Text) else cell.text


def fit(text: str, width: int, align: Align) -> str:
    """Text in exactly `width` cells; a cut is shown by `…`."""
    if not text.isprintable():
        text = plain(text)
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else set_cell_size(text, width)
    spare = width - length
    before = spare if align == "right" else spare // 2 if align == "center" else 0
    return " " * before + text + " " * (spare - before)


def choose(columns: Sequence[Column], widths: dict[str, int], room: int) -> list[Column]:
    """The columns that fit into `room` cells, in their order; the least important are dropped."""
    kept = list(columns)

    def needed() -> int:
        return sum(widths[column.key] for column in kept) + GAP * max(0, len(kept) - 1)

    while needed() > room:
        droppable = [column for column in kept if column.priority > 0]
        if not droppable:
            break
        worst = max(droppable, key=lambda column: column.priority)
        kept.remove(max((c for c in kept if c.priority == worst.priority), key=kept.index))
    return kept


def sort_key(cell: object) -> tuple[int, float, str]:
    """Numbers by value, then texts, then what is unknown or cannot exist; never fails."""
    if isinstance(cell, bool | int | float):
        return (0, float(cell), "") if cell == cell else (2, 0.0, "")
    text = text_of(cell) if isinstance(cell, str | Coloured | Text) else str(cell)
    text = text.strip()
    if text in ("", "·", "–", "None"):
        return 2, 0.0, ""
    match = _NUMBER.match(text.lstrip("▸■●▲◆▼★▮◉▶◀✚✦ "))
    if match:
        return 0, float(match[0].replace(",", "").replace("−", "-")), text
    return 1, 0.0, text.lower()


def text_pieces(cell: Text, width: int, column: Column, base: Style) -> list[Piece]:
    """A Rich Text as styled texts over a base style, padded or cut to the width."""
    text = cell.copy()
    text.truncate(width, overflow="ellipsis")
    spare = width - text.cell_len
    before = spare if column.align == "right" else spare // 2 if column.align == "center" else 0
    pieces: list[Piece] = [(" " * before, base)] if before else []
    spans = [span for span in text.spans if isinstance(span.style, str | Style)]
    plain = text.plain
    cuts = sorted({0, len(plain), *(s.start for s in spans), *(s.end for s in spans)})
    for start, end in pairwise(cuts):
        style = base + Style.parse(str(text.style)) if text.style else base
        for span in spans:
            if span.start <= start and end <= span.end:
                own = span.style if isinstance(span.style, Style) else Style.parse(span.style)
                style = style + own
        pieces.append((plain[start:end], style))
    pieces.append((" " * (spare - before), base))
    return pieces


class ColumnLayout:
    """Widths by column key, and the columns chosen for a room of so many cells."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.places = {column.key: index for index, column in enumerate(columns)}
        self.shown: list[Column] = []
        self.widths: dict[str, int] = {}
        self._least: dict[str, int] = {}
        self._room = -1
        self.measure((), lambda row, column: "")

    def measure(self, rows: Iterable[str], value: Callable[[str, str], object]) -> bool:
        """Fits columns to the texts of these rows; whether any now needs another width."""
        before, keys = dict(self._least), list(rows)
        for column in self.columns:
            seen = 0 if column.flexible else before.get(column.key, 0)
            least = column.width or max(seen, len(column.title) + 2)
            if not column.width:
                for key in keys:
                    least = max(least, len(text_of(cell_of(value(key, column.key), column))))
            self._least[column.key] = least
        if self._least != before:
            self._room = -1
        return self._least != before

    def fill(self, room: int) -> None:
        """Chooses the columns that fit and gives what is left to the first flexible one."""
        if room == self._room:
            return
        self._room = room
        self.widths = dict(self._least)
        self.shown = choose(self.columns, self.widths, room)
        spare = room - sum(self.widths[c.key] + GAP for c in self.shown) + GAP
        for column in self.shown:
            if column.flexible and spare > 0:
                self.widths[column.key] += spare
                break


class RowOrder:
    """Row keys, sorted by one column or as given; equal values keep the order given."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.shown: list[str] = []
        self.column: str | None = None
        self.reverse = False

    def index(self, key: str | None) -> int:
        """Place of a key in the order shown; -1 where there is no such row."""
        try:
            return self.shown.index(key) if key is not None else -1
        except ValueError:
            return -1

    def sort(self, value: Callable[[str, str], object]) -> None:
        """Orders by `value(row_key, column_key)`; what is unknown comes last either way."""
        if self.column is None:
            self.shown = self.given[::-1] if self.reverse else list(self.given)
            return
        ranks = {key: sort_key(value(key, self.column)) for key in self.given}
        known = [key for key in self.given if ranks[key][0] < 2]
        known.sort(key=ranks.__getitem__, reverse=self.reverse)
        self.shown = known + [key for key in self.given if ranks[key][0] == 2]
