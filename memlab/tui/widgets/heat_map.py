"""A matrix as coloured cells with numbers, on the line API; only changed spans are repainted.

Where cells are wide enough each has its number; a legend with numbers is always there. Without
colours numbers or shades stand for them. NaN is a blank cell, an infinity the end of the ramp.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from rich.style import Style

from memlab.charts.row import Row
from memlab.tui.widgets import heat_rows as parts
from memlab.tui.widgets.heat_rows import Heat
from memlab.tui.widgets.heat_scale import STEPS, HeatScale, colour, ink_on, scale_of
from memlab.tui.widgets.painted_lines import PaintedLines, ink

_STYLES = {
    parts.FRAME: "heat--frame",
    parts.TITLE: "heat--title",
    parts.LABEL: "heat--label",
    parts.EMPTY: "heat--empty",
}


class HeatMap(PaintedLines):
    """A framed matrix, the title above, the names of its axes below."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(_STYLES.values())
    STYLES: ClassVar[Mapping[int, str]] = _STYLES
    DEFAULT_CSS = """
    HeatMap {
        width: 1fr;
        height: 1fr;
        & > .heat--frame { color: $foreground 35%; }
        & > .heat--title { color: $foreground; text-style: bold; }
        & > .heat--label { color: $foreground 65%; }
        & > .heat--empty { color: $foreground 60%; text-style: italic; }
    }
    """

    def __init__(self, *, empty: str = "waits for the first measurement", id: str | None = None):
        super().__init__(id=id)
        self.heat = Heat((), HeatScale(0.0, 1.0), empty=empty)
        self._rows: list[Row] = []

    def show(
        self,
        matrix: parts.Matrix,
        *,
        low: float | None = None,
        title: str = "",
        axes: str = "",
    ) -> None:
        """Shows a matrix (rows × columns); `low` is what the quantity is bounded by from below."""
        values = [value for row in matrix for value in row]
        scale = scale_of(values, low)
        before = self.heat
        same = (before.scale.diverging, len(before.matrix)) == (scale.diverging, len(matrix))
        if same and before.title == title and _holds(before.scale, scale):
            scale = before.scale  # legends move seldom
        self.heat = Heat(matrix, scale, title, axes, before.empty)
        self.repaint()

    def compose_lines(self) -> None:
        self._rows = parts.compose(self.heat, self.size.width, self.size.height, self.plain)

    def line(self, y: int) -> Row:
        return self._rows[y] if y < len(self._rows) else Row(self.size.width)

    @property
    def plain(self) -> bool:
        """Whether there are too few colours for a ramp."""
        return self.app.no_color or self.app.console.color_system in (None, "standard")

    def make_style(self, number: int) -> Style:
        if number < parts.CELL or self.plain:
            return super().make_style(number)
        dark = self.app.current_theme.dark
        if number < parts.HALF:
            background = colour(number - parts.CELL - STEPS, dark)
            return ink(ink_on(background), background)
        red, green, blue = self.background_colors[1].rgb
        ground = f"#{red:02x}{green:02x}{blue:02x}"
        halves = parts.halves_of(number)
        upper, lower = (ground if level is None else colour(level, dark) for level in halves)
        return ink(upper, lower)


def _holds(before: HeatScale, fresh: HeatScale) -> bool:
    """Whether fresh data fit a scale and fill enough of it."""
    extent, wanted = before.high - before.low, fresh.high - fresh.low
    fits = before.low <= fresh.low and fresh.high <= before.high
    return fits and math.isfinite(wanted) and wanted >= 0.35 * extent
