"""A claim's panel as a picture in characters, for the app's chart and for the console alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from memlab.charts import axis, chart, forest
from memlab.charts.axis import Limits, Scale
from memlab.charts.plot import Picture, Reference, Series
from memlab.charts.row import Row
from memlab.claims.claim import Line, Panel
from memlab.estimate import means
from memlab.reports import palette

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
MOST_TICKS: Final = 9
MOST_BANDS: Final = 3


@dataclass(frozen=True, eq=False)
class DrawnPanel:
    """A picture with the limits of its axes; `scale` is that of what is measured."""

    picture: Picture
    x: Limits
    y: Limits
    scale: Scale

    def rows(self, width: int, height: int) -> list[Row]:
        """The picture in so many cells."""
        return chart.compose(self.picture, width, height, self.x, self.y, self.scale)

    @property
    def least_height(self) -> int | None:
        """The rows that marks by name need; None for a picture of any height."""
        return forest.height_of(self.picture) if self.picture.names else None

    @property
    def legend(self) -> list[tuple[str, str, str]]:
        """Marker, colour and words of each line that has words."""
        told = [(one.marker, one.colour, one.name) for one in self.picture.series if one.name]
        dashed = {one.name for one in self.picture.series if one.dashed}
        return [(m, c, f"{name} (dashed)" if name in dashed else name) for m, c, name in told]


def drawn(panel: Panel, lettered: bool) -> DrawnPanel:
    """The panel with a shape for each line, or a letter where `lettered`."""
    colours = palette.ramp(len(panel.lines))
    series = tuple(
        _series(line, colours[index], _marker(panel, index, lettered))
        for index, line in enumerate(panel.lines)
    )
    title = panel.title if panel.y_label in ("", panel.title) else f"{panel.title}: {panel.y_label}"
    picture = Picture(
        series,
        reference=None if panel.level is None else Reference(panel.level),
        lettered=not panel.marks,
        title=title,
        axis=panel.x_label,
        empty="no figures",
        pointed=panel.marks,
        log_x=panel.log_x,
        ticks=ticks(panel),
        names=panel.ticks,
    )
    return DrawnPanel(picture, _x_limits(panel), _y_limits(panel, series), _scale(panel.log_y))


def banded(made: DrawnPanel) -> DrawnPanel:
    """Intervals as dots around each line, where there is no background to shade."""
    if made.picture.pointed or len(made.picture.series) > MOST_BANDS:
        return made
    series = tuple(replace(one, minimum=one.low, maximum=one.high) for one in made.picture.series)
    picture = replace(made.picture, series=series, bands=frozenset(range(len(series))))
    return replace(made, picture=picture)


def _series(line: Line, colour: str, marker: str) -> Series:
    mean, half = means(np.atleast_2d(line.y))
    half = np.nan_to_num(half)
    order = np.argsort(line.x, kind="stable")
    x, mean, half = line.x[order], mean[order], half[order]
    low, high = (mean - half).tolist(), (mean + half).tolist()
    return Series(
        line.label, colour, marker, x.tolist(), mean.tolist(), low, high, dashed=line.dashed
    )


def _marker(panel: Panel, index: int, lettered: bool) -> str:
    if panel.ticks and len(panel.lines) == 1:
        return "●"
    marks: Sequence[str] = LETTERS if lettered else palette.SHAPES
    return marks[index % len(marks)]


def _scale(log: bool) -> Scale:
    return "log" if log else "linear"


def ticks(panel: Panel) -> tuple[tuple[float, str], ...]:
    """The places of marks, where all lines have the same few."""
    if not panel.marks or panel.ticks or not panel.lines:
        return ()
    places = [np.unique(line.x[np.isfinite(line.x)]) for line in panel.lines]
    first = places[0]
    shared = all(np.array_equal(first, other) for other in places)
    if not shared or not 1 < len(first) <= MOST_TICKS:
        return ()
    return tuple((float(x), axis.label(float(x))) for x in first)


def _known(values: Iterable[float], log: bool) -> list[float]:
    holds: Callable[[float], bool] = (lambda v: v > 0) if log else (lambda v: True)
    return [float(v) for v in values if np.isfinite(v) and holds(v)]


def _x_limits(panel: Panel) -> Limits:
    places = [x for line in panel.lines for x in _known(line.x, panel.log_x)]
    if not places:
        return (1.0, 10.0) if panel.log_x else (0.0, 1.0)
    if panel.log_x:
        return axis.spread(min(places), max(places))
    return axis.limits(min(places), max(places))


def _y_limits(panel: Panel, series: Sequence[Series]) -> Limits:
    """Round limits around means, intervals of marks and the level."""
    values = [y for one in series for y in _known(one.y, panel.log_y)]
    if panel.marks:
        ends = (end for one in series for end in (*(one.low or ()), *(one.high or ())))
        values += _known(ends, panel.log_y)
    values += _known(() if panel.level is None else (panel.level,), panel.log_y)
    if not values:
        return (1.0, 10.0) if panel.log_y else (0.0, 1.0)
    return axis.limits(min(values), max(values), scale=_scale(panel.log_y))
