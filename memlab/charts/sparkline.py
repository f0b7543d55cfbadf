"""A curve in one line of block elements: pure text, for table cells and headings."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(
    values: Sequence[float], width: int, low: float | None = None, high: float | None = None
) -> str:
    """At most `width` blocks for the values, oldest first, between `low` and `high`.

    Where several values share a block it shows the one farthest from the block before it, so that
    a spike or a dip stays. NaN and infinities are gaps. Without limits the finite extremes are
    the limits; a constant curve then lies in the middle.
    """
    if width <= 0 or not len(values):
        return ""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return " " * min(width, len(values))
    bottom = min(finite) if low is None else low
    top = max(finite) if high is None else high
    shown: list[float] = []
    previous = math.nan
    for bucket in _buckets(values, width):
        value = _salient(bucket, previous)
        shown.append(value)
        previous = value if math.isfinite(value) else previous
    return "".join(_block(value, bottom, top) for value in shown)


def _buckets(values: Sequence[float], width: int) -> list[Sequence[float]]:
    count = len(values)
    if count <= width:
        return [values[i : i + 1] for i in range(count)]
    return [values[i * count // width : (i + 1) * count // width] for i in range(width)]


def _salient(bucket: Sequence[float], previous: float) -> float:
    finite = [value for value in bucket if math.isfinite(value)]
    if not finite:
        return math.nan
    if math.isnan(previous):
        return finite[-1]
    return max(finite, key=lambda value: abs(value - previous))


def _block(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return " "
    if high <= low:
        return BLOCKS[3]
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return BLOCKS[min(7, max(0, int(share * 8)))]
