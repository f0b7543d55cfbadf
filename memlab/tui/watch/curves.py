"""From curves of a run to what a chart of Watch is told: series, marks, thinning. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memlab.charts.plot import Mark, Series
from memlab.runs.curve import Curve, bucketed
from memlab.tui.axis_values import AxisValue
from memlab.tui.watch import model

MOST_SERIES = 12
WORDS = {"lies": "memorizes", "unseen": "best"}


@dataclass(frozen=True)
class Content:
    """What one chart is told."""

    series: tuple[Series, ...] = ()
    marks: tuple[Mark, ...] = ()
    empty: str = model.WAITING


def steady(curve: Curve, points: int) -> Curve:
    """At most `points` points, extremes kept, in buckets that stay where they are as it grows.

    Buckets of a power of two of rows: a new row changes the last point only, and so a chart
    repaints its end and no more.
    """
    length, stride = len(curve.epoch), 1
    while length > points * stride:
        stride *= 2
    if stride == 1:
        return curve
    return bucketed(curve, np.arange(0, length, stride))


def series_of(curve: Curve, name: str, colour: str, marker: str) -> Series:
    """A curve with its interval and, where points stand for several, their extremes."""
    return Series(
        name=name,
        colour=colour,
        marker=marker,
        x=curve.epoch.tolist(),
        y=curve.mean.tolist(),
        low=curve.low.tolist(),
        high=curve.high.tolist(),
        minimum=curve.mean_low.tolist() if curve.thinned else None,
        maximum=curve.mean_high.tolist() if curve.thinned else None,
    )


def drawn(
    values: Sequence[AxisValue], cursor: str | None, highlighted: bool
) -> Sequence[AxisValue]:
    """The axis values with a curve: all, or twelve spread evenly and the highlighted one."""
    if len(values) <= MOST_SERIES:
        return values
    chosen = {round(i * (len(values) - 1) / (MOST_SERIES - 1)) for i in range(MOST_SERIES)}
    return [
        value
        for index, value in enumerate(values)
        if index in chosen or (highlighted and value.key == cursor)
    ]


def mark(
    page: str, loss: bool, curve: Curve, standing: model.Standing, value: AxisValue
) -> Mark | None:
    """The moment of an axis value on a page: where it memorizes, where it was best."""
    if loss or page not in WORDS:
        return None
    when = standing.moment if page == "lies" else standing.best_epoch
    if when is None:
        return None
    at = min(int(np.searchsorted(curve.epoch, when - 1e-9)), len(curve.mean) - 1)
    height = float(curve.mean_high[at])
    return Mark(when, "", height, value.colour)
