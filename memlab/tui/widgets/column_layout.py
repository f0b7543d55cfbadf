"""Which columns of a table are shown, and how wide: widths only grow while values change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from memlab.tui.widgets.columns import GAP, Column, cell_of, choose, text_of


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
        """Widens columns to the texts of these rows; whether any became wider."""
        before, keys = dict(self._least), list(rows)
        for column in self.columns:
            least = column.width or max(before.get(column.key, 0), len(column.title) + 2)
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
