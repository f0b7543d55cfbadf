"""The keys of a table's rows in the order given and in the order shown. No widget."""

from __future__ import annotations

from collections.abc import Callable

from memlab.tui.widgets.columns import sort_key


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
