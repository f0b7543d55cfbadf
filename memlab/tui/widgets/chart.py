"""A live line chart in braille that repaints only the parts of rows that changed.

It is told series, marks and a reference line; limits of the axes are round and seldom move.
Tracing and composing rows is `memlab.charts`; here are the widget and its colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from rich.style import Style
from textual.reactive import var
from textual.widget import Widget

from memlab.charts import chart as charts
from memlab.charts import rows as parts
from memlab.charts.axis import Limits, Scale, drawable, limits, spread
from memlab.charts.plot import Mark, Picture, Reference, Series, plain
from memlab.charts.row import Row
from memlab.tui.palette import blend
from memlab.tui.widgets.painted_lines import PaintedLines, ink

__all__ = ["BrailleChart", "Mark", "Reference", "Series"]

_STYLES = {
    parts.FRAME: "chart--frame",
    parts.TITLE: "chart--title",
    parts.LABEL: "chart--label",
    parts.REFERENCE: "chart--reference",
    parts.EMPTY: "chart--empty",
    parts.MARK: "chart--mark",
}


class BrailleChart(PaintedLines):
    """Curves over one horizontal axis, framed, with the title above and the axis below.

    `y_range` and `x_range` fix an axis; without them it follows the data in round steps. What a
    logarithmic axis (`y_scale`) cannot have, zero and negative values, are gaps and fix no axis.
    `highlighted` names the series that stays bright and is drawn over the others; `pointed` draws
    each point with its interval, for a handful of points, in place of a band. `ticks` and `names`
    are those of a `Picture`.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = set(_STYLES.values())
    STYLES: ClassVar[Mapping[int, str]] = _STYLES
    DEFAULT_CSS = """
    BrailleChart {
        width: 1fr;
        height: 1fr;
        & > .chart--frame { color: $foreground 35%; }
        & > .chart--title { color: $foreground; text-style: bold; }
        & > .chart--label { color: $foreground 65%; }
        & > .chart--reference { color: $foreground 50%; }
        & > .chart--empty { color: $foreground 60%; text-style: italic; }
        & > .chart--mark { color: $foreground; text-style: bold; }
    }
    """

    title: var[str] = var("")
    axis: var[str] = var("epoch")
    empty: var[str] = var("waits for the first measurement")
    x_range: var[Limits | None] = var[Limits | None](None)
    y_range: var[Limits | None] = var[Limits | None](None)
    x_scale: var[Scale] = var[Scale]("linear")
    y_scale: var[Scale] = var[Scale]("linear")
    ticks: var[tuple[tuple[float, str], ...]] = var[tuple[tuple[float, str], ...]](())
    names: var[tuple[str, ...]] = var[tuple[str, ...]](())
    highlighted: var[str | None] = var[str | None](None)
    legend: var[bool] = var(False)
    pointed: var[bool] = var(False)
    lettered: var[bool | None] = var[bool | None](None)

    def __init__(
        self,
        title: str = "",
        *,
        axis: str = "epoch",
        empty: str = "waits for the first measurement",
        x_range: Limits | None = None,
        y_range: Limits | None = None,
        y_scale: Scale = "linear",
        legend: bool = False,
        pointed: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._series: tuple[Series, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._reference: Reference | None = None
        self._rows: list[Row] = []
        self._look: list[tuple[str, str]] = []  # names and colours that styles depend on
        self._x_limits: Limits | None = None
        self._y_limits: Limits | None = None
        for name, value in (("title", title), ("axis", axis), ("empty", empty)):
            self.set_reactive(getattr(BrailleChart, name), value)
        self.set_reactive(BrailleChart.x_range, x_range)
        self.set_reactive(BrailleChart.y_range, y_range)
        self.set_reactive(BrailleChart.y_scale, y_scale)
        self.set_reactive(BrailleChart.legend, legend)
        self.set_reactive(BrailleChart.pointed, pointed)

    # --- what it is told

    def set_reference(self, y: float | None, label: str = "") -> None:
        """Sets the dashed line, or removes it where y is None."""
        wanted = None if y is None else Reference(y, label)
        if wanted != self._reference:
            self._reference = wanted
            self.show()

    def show(
        self, series: Iterable[Series] | None = None, marks: Iterable[Mark] | None = None
    ) -> None:
        """Takes series and marks in one repaint; what is None stays."""
        if series is not None:
            self._series = tuple(_plain_series(series))
        if marks is not None:
            self._marks = tuple(marks)
        self.repaint()

    def watch_title(self) -> None:
        self.repaint()

    watch_axis = watch_empty = watch_x_range = watch_y_range = watch_title
    watch_legend = watch_lettered = watch_pointed = watch_title
    watch_ticks = watch_names = watch_title

    def watch_y_scale(self) -> None:
        """Finds the limits of the other scale."""
        self._x_limits = self._y_limits = None
        self.repaint()

    watch_x_scale = watch_y_scale

    def watch_highlighted(self) -> None:
        """Brightens another series."""
        self.repaint_all(restyled=True)

    # --- painting

    def repaint(self) -> None:
        look = [(series.name, series.colour) for series in self._series]
        look += [("", mark.colour or "") for mark in self._marks]
        if look == self._look:
            super().repaint()
        else:
            self._look = look
            self.repaint_all(restyled=True)

    def compose_lines(self) -> None:
        size, highlighted = self.size, self.highlighted
        names = [series.name for series in self._series]
        banded = [
            i for i, name in enumerate(names) if name == highlighted or highlighted not in names
        ]
        colours = 0 if self.app.no_color else _colours(self)
        lettered = colours < 256 if self.lettered is None else self.lettered
        tall = size.height >= 7 and _colours(self) >= 256
        picture = Picture(
            self._series,
            self._marks,
            self._reference,
            highlighted if highlighted in names else None,
            lettered,
            self.legend,
            self.title,
            self.axis,
            self.empty,
            frozenset(banded if len(banded) <= 3 and tall and not self.pointed else ()),
            self.pointed,
            self.x_scale == "log",
            self.ticks,
            self.names,
        )
        self._update_limits()
        x, y = self._x_limits or (0.0, 1.0), self._y_limits or (0.0, 1.0)
        self._rows = charts.compose(picture, size.width, size.height, x, y, self.y_scale)

    def line(self, y: int) -> Row:
        return self._rows[y] if y < len(self._rows) else Row(self.size.width)

    def _update_limits(self) -> None:
        scale, series = self.y_scale, self._series
        log, log_x = scale == "log", self.x_scale == "log"
        if self.x_range is not None:
            self._x_limits = self.x_range
        elif (across := parts.x_span(series, log, log_x)) is not None and log_x:
            self._x_limits = spread(*across)
        elif across is not None:
            low, high = min(0.0, across[0]), across[1]
            self._x_limits = limits(low, high if high > low else low + 1.0, self._x_limits)
        if self.y_range is not None and drawable(self.y_range, scale):
            self._y_limits = self.y_range
        elif (found := parts.y_span(series, log, log_x)) is not None:
            self._y_limits = limits(*found, self._y_limits, scale)

    def make_style(self, number: int) -> Style:
        """The style of a number of `memlab.charts.rows`."""
        background = _hex_background(self)
        band, number = divmod(number, parts.BAND)
        if band:
            index = min(band - 1, len(self._series) - 1)
            background = blend(self._series[index].colour, background, 0.22)
        if number == parts.BLANK:
            return ink(None, background)
        if number in _STYLES:
            style = self.style_of(_STYLES[number])
            return style + ink(None, background) if band else style
        if number < parts.SERIES:
            mark = next(m for i, m in enumerate(self._marks) if i % 8 == number - parts.MARKS)
            return ink(mark.colour, background, bold=True)
        index, dots = divmod(number - parts.SERIES, 2)
        series = self._series[index]
        names = {each.name for each in self._series}
        bright = self.highlighted not in names or series.name == self.highlighted
        share = (1.0 if bright else 0.45) * (0.5 if dots else 1.0)
        colour = series.colour if share == 1.0 else blend(series.colour, background, share)
        return ink(colour, background, bold=bright and self.highlighted is not None)


def _plain_series(series: Iterable[Series]) -> Iterable[Series]:
    """Series over Python lists; equal x arrays become one list, so that it is cut up once."""
    lists: dict[int, Sequence[float]] = {}
    for each in series:
        xs = lists.setdefault(id(each.x), plain(each.x))
        yield replace(
            each,
            x=xs,
            y=plain(each.y),
            low=None if each.low is None else plain(each.low),
            high=None if each.high is None else plain(each.high),
            minimum=None if each.minimum is None else plain(each.minimum),
            maximum=None if each.maximum is None else plain(each.maximum),
        )


def _colours(widget: Widget) -> int:
    """How many colours the terminal has: 0, 16, 256 or more."""
    system = widget.app.console.color_system
    return {None: 0, "256": 256, "truecolor": 1 << 24}.get(system, 16)


def _hex_background(widget: Widget) -> str:
    red, green, blue = widget.background_colors[1].rgb
    return f"#{red:02x}{green:02x}{blue:02x}"
