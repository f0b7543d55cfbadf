"""What a chart is told: series, marks and a reference line, frozen. Drawing lives in the chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class Series:
    """One curve; all sequences have one length, x rises, NaN and infinities are gaps.

    `low` and `high` are the interval's ends; `minimum` and `maximum` the extremes of the points
    that each drawn point stands for. `marker` is the shape or letter of the series; one that is not
    `joined` is points without a line, in a `pointed` chart.
    """

    name: str
    colour: str
    marker: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    minimum: Sequence[float] | None = None
    maximum: Sequence[float] | None = None
    dashed: bool = False
    joined: bool = True


@dataclass(frozen=True)
class Mark:
    """A moment: `▼` at an x, above the value y (at the top without y), with a short label."""

    x: float
    label: str = ""
    y: float | None = None
    colour: str | None = None


@dataclass(frozen=True)
class Reference:
    """A dashed horizontal line, such as chance."""

    y: float
    label: str = ""


@dataclass(frozen=True)
class Picture:
    """Everything that one painting of a chart depends on, besides its size and its limits.

    `ticks` are places on the horizontal axis with their words. With `names`, each x is the place
    of a name, and the picture is a row for each name with its mark and interval.
    """

    series: tuple[Series, ...] = ()
    marks: tuple[Mark, ...] = ()
    reference: Reference | None = None
    highlighted: str | None = None
    lettered: bool = False
    legend: bool = False
    title: str = ""
    axis: str = ""
    empty: str = ""
    bands: frozenset[int] = field(default_factory=frozenset)
    pointed: bool = False
    log_x: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    names: tuple[str, ...] = ()


def plain(values: Sequence[float]) -> Sequence[float]:
    """A list of Python floats; arrays are slow to index one value at a time."""
    tolist = getattr(values, "tolist", None)
    return tolist() if tolist is not None else values
