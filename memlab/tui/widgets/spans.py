"""From rows of styled cells to what Textual paints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from memlab.charts.row import Row


def to_strip(row: Row, styles: Sequence[Style] | dict[int, Style]) -> Strip:
    """The line to paint, one segment a run of equal style."""
    segments = [Segment(text, styles[number]) for text, number in row.runs()]
    return Strip(segments, len(row.cells))


@lru_cache(maxsize=4096)
def ink(colour: str | None, background: str | None = None, bold: bool = False) -> Style:
    """A Rich style from hex colours."""
    return Style(color=colour, bgcolor=background, bold=bold or None)
