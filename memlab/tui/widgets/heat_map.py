"""A matrix as coloured cells with numbers, on the line API; only changed spans are repainted.

Where cells are wide enough each has its number; a legend with numbers is always there. Without
colours numbers or shades stand for them. NaN is a blank cell, an infinity the end of the ramp.
"""

from __future__ import annotations

import math
from typing import ClassVar

from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from memlab.charts.row import Row
from memlab.tui.widgets import heat_rows as parts
from memlab.tui.widgets.heat_rows import Heat
from memlab.tui.widgets.heat_scale import STEPS, HeatScale, colour, ink_on, scale_of
from memlab.tui.widgets.spans import ink, to_strip

_NAMES = {
    parts.FRAME: "heat--frame",
    parts.TITLE: "heat--title",
    parts.LABEL: "heat--label",
    parts.EMPTY: "heat--empty",
}


class HeatMap(Widget):
    """A framed matrix, the title above, the names of its axes below."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(_NAMES.values())
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
        self._painted_size: Size | None = None
        self._styles: dict[int, Style] = {}

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
        self._repaint()

    def notify_style_update(self) -> None:
        """Forgets styles that came from the theme."""
        super().notify_style_update()
        self._styles = {}
        self._painted_size = None

    def _repaint(self) -> None:
        size = self.size
        if size != self._painted_size or not self.display:
            self._painted_size = None
            self.refresh()
            return
        before = self._rows
        self._rows = parts.compose(self.heat, size.width, size.height, self.plain)
        regions = []
        for y, row in enumerate(self._rows):
            span = row.changed_span(before[y])
            if span is not None:
                regions.append(Region(span[0], y, span[1] - span[0], 1))
        if regions:
            self.refresh(*regions)

    @property
    def plain(self) -> bool:
        """Whether there are too few colours for a ramp."""
        return self.app.no_color or self.app.console.color_system in (None, "standard")

    def render_line(self, y: int) -> Strip:
        """One line of the widget, painted."""
        size = self.size
        if size != self._painted_size:
            self._rows = parts.compose(self.heat, size.width, size.height, self.plain)
            self._painted_size = size
        if not 0 <= y < len(self._rows):
            return Strip.blank(size.width)
        row = self._rows[y]
        for number in set(row.styles) - self._styles.keys():
            self._styles[number] = self._style(number)
        return to_strip(row, self._styles)

    def _style(self, number: int) -> Style:
        if number in _NAMES:
            return self.get_component_rich_style(_NAMES[number])
        if number < parts.CELL or self.plain:
            return self.rich_style
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
