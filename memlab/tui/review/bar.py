"""One line that says how far a review is and how the list gets less suspicious."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from memlab.charts.sparkline import sparkline
from memlab.tui.widgets.painted_lines import PaintedLines, Piece

HERE = "▲"


class SuspicionBar(PaintedLines):
    """The chance of being wrong down the list, as blocks; what lies behind is bright.

    The second line has a mark where the review is.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"bar--behind", "bar--ahead", "bar--here"}
    DEFAULT_CSS = """
    SuspicionBar {
        width: 1fr;
        height: 2;
        & > .bar--behind { color: $accent; }
        & > .bar--ahead { color: $foreground 45%; }
        & > .bar--here { color: $foreground 75%; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._chances: Sequence[float] = ()
        self._at = 0

    def show(self, chances: Sequence[float], at: int) -> None:
        """Shows the chances of the part of the list that matters, and the place in it."""
        self._chances, self._at = chances, at
        self.repaint()

    def line(self, y: int) -> list[Piece]:
        if not self._chances:
            return []
        # Blocks are as wide as it takes to fill the line, where there are few examples.
        width = self.size.width
        wide = max(1, width // len(self._chances))
        blocks = sparkline(self._chances, width // wide, 0.0, 1.0)
        here = min(self._at * len(blocks) // len(self._chances), len(blocks) - 1) * wide
        if y == 0:
            text = "".join(block * wide for block in blocks)
            behind, ahead = self.style_of("bar--behind"), self.style_of("bar--ahead")
            return [(text[:here], behind), (text[here:], ahead)]
        words = f"{HERE} wrong with a chance of {round(100 * self._chances[self._at])} %"
        left = here if here + len(words) <= width else max(0, here - len(words) + 1)
        told = words if left == here else words.removeprefix(HERE + " ") + f" {HERE}"
        return [(" " * left, self.style_of("bar--here")), (told, self.style_of("bar--here"))]
