"""The table of Watch: one row per axis value, figures that change no faster than one can read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from memlab.tui.watch import model
from memlab.tui.watch.model import COLUMNS
from memlab.tui.watch.reader import WatchFrame
from memlab.tui.widgets.table import Column, LineTable

VALUES_SECONDS = 0.5


class ValuesTable(LineTable):
    """The table of axis values; moving in it highlights curves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "value", key_display="↑↓"),
        Binding("down,j", "move(1)", "next value", show=False),
        Binding("right", "screen.page(1)", "chart", key_display="←→"),
        Binding("left", "screen.page(-1)", "previous chart", show=False),
        Binding("enter", "select", "members"),
    ]

    @dataclass
    class Steered(Message):
        """The user moved the cursor."""

    def action_move(self, step: int) -> None:
        """Moves the cursor and says that the user did it."""
        super().action_move(step)
        self.post_message(self.Steered())

    def __init__(self, columns: Sequence[Column], *, id: str, empty: str) -> None:
        super().__init__(columns, id=id, empty=empty)
        self._frame: WatchFrame | None = None
        self._shown_at = 0.0

    @property
    def due(self) -> bool:
        """Whether the figures shown are old enough for new ones."""
        return self._frame is None or time.monotonic() - self._shown_at >= VALUES_SECONDS

    def on_show(self) -> None:
        """Takes the keys back after it was hidden, where nothing else has them."""
        if self.screen.focused is None:
            self.focus()

    def forget(self) -> None:
        """Another run is coming."""
        self._frame = None
        self.set_rows([], [])

    def show(self, frame: WatchFrame) -> None:
        """The figures of a frame, where it has new ones."""
        if not frame.figures:
            return
        self._shown_at, self._frame = time.monotonic(), frame
        plain = self.app.no_color
        cells = {
            value.key: dict(zip(COLUMNS, model.row_cells(value, standing, plain), strict=True))
            for value, standing in zip(frame.values, frame.standings, strict=True)
        }
        self.set_rows(list(cells), lambda row, column: cells[row][column])
