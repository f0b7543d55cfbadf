"""A table on the line API that pulls only the rows it shows and repaints only changed cells.

Rows have keys; the cursor stays on its key when rows move. What columns are is in `columns`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from memlab.tui.widgets.columns import (
    GAP,
    Cell,
    Coloured,
    Column,
    ColumnLayout,
    Heading,
    Piece,
    RowOrder,
    cell_of,
    fit,
    text_pieces,
)
from memlab.tui.widgets.cursor_lines import CursorLines
from memlab.tui.widgets.painted_lines import ink

__all__ = ["Cell", "Coloured", "Column", "Heading", "LineTable"]

CURSOR = "▸"
Cells = Sequence[Sequence[object]] | Callable[[str, str], object]


class LineTable(CursorLines):
    """Rows × columns under a fixed header, one cursor row.

    Cells come as lists (in the order of the columns) or from a callback `cell(row_key,
    column_key)`, which is asked for visible rows only (for all rows of one column when sorting).
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--cell",
        "table--cursor",
        "table--empty",
    }
    DEFAULT_CSS = """
    LineTable {
        & > .table--header { color: $foreground 60%; }
        & > .table--cell { color: $foreground; }
        & > .table--cursor { background: $foreground 8%; }
        & > .table--empty { color: $foreground 60%; text-style: italic; }
        &:focus > .table--cursor { background: $foreground 16%; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "sort_next", "Sort by next column", show=False),
        Binding("O", "sort_reverse", "Reverse the order", show=False),
    ]

    SORTABLE: ClassVar[bool] = True

    @dataclass
    class RowHighlighted(Message):
        """The cursor is on another row."""

        table: LineTable
        row_key: str

    @dataclass
    class RowSelected(RowHighlighted):
        """Enter or a click on the cursor's row."""

    def __init__(
        self,
        columns: Sequence[Column] = (),
        *,
        empty: str = "nothing here yet",
        header: bool = True,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.empty = empty
        self.header = 1 if header else 0
        self._columns = ColumnLayout(columns)
        self._rows = RowOrder()
        self._lookup: dict[str, Sequence[object]] = {}
        self._callback: Callable[[str, str], object] | None = None
        self._cursor_key: str | None = None

    # --- what it is told

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Replaces the columns."""
        self._columns = ColumnLayout(columns)
        if self._rows.column not in self._columns.places:
            self._rows.column = None
            self._rows.sort(self._value)
        self._columns.measure(self._rows.given, self._value)
        self.repaint_all()

    def set_rows(self, keys: Sequence[str], cells: Cells) -> None:
        """Replaces all rows (unique keys); only what differs on the screen is repainted."""
        grown = len(keys) != len(self._rows.given)
        before = self._rows.index(self._cursor_key)
        self._rows.given = list(keys)
        if callable(cells):
            self._callback, self._lookup = cells, {}
        else:
            self._callback, self._lookup = None, dict(zip(keys, cells, strict=True))
        self._rows.sort(self._value)
        self._keep_cursor(before)
        if grown:
            self.virtual_size = Size(0, len(self._rows.shown) + self.header)
        seen = self._rows.given if self._callback is None else self._visible_keys()
        if self._columns.measure(seen, self._value):
            self.repaint_all()
        else:
            self.repaint()

    def sort_by(self, column_key: str | None, reverse: bool = False) -> None:
        """Sorts by a column, unknown values last; None restores the order given."""
        self._rows.column, self._rows.reverse = column_key, reverse
        self._rows.sort(self._value)
        self.repaint_all()
        self.scroll_to_cursor()

    @property
    def cursor_key(self) -> str | None:
        """Key of the cursor's row; None where there are no rows."""
        return self._cursor_key

    @property
    def row_keys(self) -> list[str]:
        """Keys in the order shown."""
        return list(self._rows.shown)

    @property
    def shown_columns(self) -> list[str]:
        """Keys of the columns for which there is room."""
        self._columns.fill(self.scrollable_content_region.width - 2)
        return [column.key for column in self._columns.shown]

    def move_to(self, row_key: str) -> None:
        """Puts the cursor on a row and shows it."""
        if row_key == self._cursor_key or self._rows.index(row_key) < 0:
            return
        self._cursor_key = row_key
        self.repaint()
        self.scroll_to_cursor()
        self.post_message(self.RowHighlighted(self, row_key))

    # --- keys and mouse

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.SORTABLE or not action.startswith("sort")

    @property
    def cursor_line(self) -> int:
        return self._rows.index(self._cursor_key)

    @property
    def stops(self) -> range:
        return range(len(self._rows.shown))

    def go(self, index: int) -> None:
        self.move_to(self._rows.shown[index])

    def action_select(self) -> None:
        """Tells that the cursor's row was opened."""
        if self._cursor_key is not None:
            self.post_message(self.RowSelected(self, self._cursor_key))

    def action_sort_next(self) -> None:
        """Sorts by the next column shown, and after the last in the order given."""
        keys: list[str | None] = [None, *(c.key for c in self._columns.shown if c.sortable)]
        now = keys.index(self._rows.column) if self._rows.column in keys else 0
        self.sort_by(keys[(now + 1) % len(keys)])

    def action_sort_reverse(self) -> None:
        self.sort_by(self._rows.column, not self._rows.reverse)

    def click_header(self, x: int) -> None:
        """Sorts by the column, or turns its order round."""
        left = 2
        for column in self._columns.shown:
            if left <= x < left + self._columns.widths[column.key] and column.sortable:
                same = column.key == self._rows.column
                self.sort_by(column.key, same and not self._rows.reverse)
            left += self._columns.widths[column.key] + GAP

    # --- order and layout

    def _value(self, row_key: str, column_key: str) -> object:
        if self._callback is not None:
            return self._callback(row_key, column_key)
        return self._lookup[row_key][self._columns.places[column_key]]

    def _keep_cursor(self, before: int) -> None:
        if self._rows.index(self._cursor_key) >= 0:
            return
        if not self._rows.shown:
            self._cursor_key = None
            return
        self._cursor_key = self._rows.shown[min(max(0, before), len(self._rows.shown) - 1)]
        self.post_message(self.RowHighlighted(self, self._cursor_key))

    def _visible_keys(self) -> list[str]:
        top = self.scroll_offset.y
        return self._rows.shown[top : top + max(0, self.size.height - self.header)]

    # --- painting

    def line(self, y: int) -> list[Piece]:
        self._columns.fill(self.scrollable_content_region.width - 2)
        if y < self.header:
            return self._header_pieces()
        row = y - self.header + self.scroll_offset.y
        base = self.style_of("table--cell")
        if not self._rows.shown:
            middle = (self.size.height - self.header) // 2
            text = self.empty.center(self.size.width) if row == middle else ""
            return [(text, self.style_of("table--empty"))]
        if row >= len(self._rows.shown):
            return [("", base)]
        key = self._rows.shown[row]
        here = key == self._cursor_key
        if here:
            base = base + self.style_of("table--cursor")
        pieces: list[Piece] = [(f"{CURSOR} " if here else "  ", base)]
        first = self._value(key, self._columns.columns[0].key) if self._columns.columns else None
        if isinstance(first, Heading):
            style = base + ink(first.colour, None, first.bold)
            return [*pieces, (fit(first.text, max(0, self.size.width - 2), "left"), style)]
        for column in self._columns.shown:
            cell = cell_of(self._value(key, column.key), column)
            pieces += self._cell_pieces(cell, column, base)
        pieces.append((" " * max(0, self.size.width - sum(len(t) for t, _ in pieces)), base))
        return pieces

    def _cell_pieces(self, cell: Cell, column: Column, base: Style) -> list[Piece]:
        width = self._columns.widths[column.key]
        gap = " " * GAP
        if isinstance(cell, str):
            return [(fit(cell, width, column.align) + gap, base)]
        if isinstance(cell, Coloured):
            style = base + ink(cell.colour, None, cell.bold) if cell.colour or cell.bold else base
            return [(fit(cell.text, width, column.align) + gap, style)]
        return [*text_pieces(cell, width, column, base), (gap, base)]

    def _header_pieces(self) -> list[Piece]:
        style = self.style_of("table--header")
        pieces: list[Piece] = [("  ", style)]
        for column in self._columns.shown:
            title = column.title
            if column.key == self._rows.column:
                title += " ↓" if self._rows.reverse else " ↑"
            pieces.append(
                (fit(title, self._columns.widths[column.key], column.align) + " " * GAP, style)
            )
        return pieces
