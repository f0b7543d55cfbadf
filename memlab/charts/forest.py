"""A row for each name, its mark on a stroke as long as its interval: what has no horizontal order.

Names are read where they stand, which below an axis would need room that a terminal lacks.
"""

from __future__ import annotations

import math

from memlab.charts.axis import Limits, Scale, label
from memlab.charts.plot import Picture
from memlab.charts.raster import Frame
from memlab.charts.row import Row
from memlab.charts.rows import EMPTY, LABEL, REFERENCE, SERIES, framed

VALUE = 15  # cells of `0.123 ± 0.045`


def height_of(picture: Picture) -> int:
    """The rows that show every name."""
    return 2 + len(picture.names) * max(1, len(picture.series))


def compose(
    picture: Picture, width: int, height: int, values: Limits, scale: Scale = "linear"
) -> list[Row]:
    """All rows of a picture with names; `values` are the limits of what is measured.

    Names for which there is no room are counted in the last row.
    """
    rows = [Row(width) for _ in range(height)]
    if width < 20 or height < 3:
        if rows:
            rows[0].put(0, picture.title[:width], LABEL)
        return rows
    framed(rows, picture, width, height)
    names = min(max(map(len, picture.names)), (width - 2) // 3)
    shown = VALUE if width >= 48 else 0
    left = names + 3
    columns = width - left - 2 - shown
    frame = Frame(values, (0.0, 1.0), columns, 1, False, scale == "log")
    lines = [(place, index) for place in range(len(picture.names)) for index in _series(picture)]
    room = height - 2
    if len(lines) > room:
        rows[-2].put(2, f"… {len(lines) - room + 1} more", EMPTY)
        lines = lines[: room - 1]
    for row, (place, index) in zip(rows[1:], lines, strict=False):
        if index == 0:
            name = picture.names[place]
            row.put(2, name if len(name) <= names else name[: names - 1] + "…", LABEL)
        _reference(row, picture, frame, left, columns)
        _mark(row, picture, frame, (place, index), left, width - 1 - shown)
    low, high = f" {label(values[0])} ", f" {label(values[1])} "
    rows[-1].put(left, low, LABEL)
    rows[-1].put(left + columns - len(high), high, LABEL)
    return rows


def _series(picture: Picture) -> range:
    return range(len(picture.series))


def _reference(row: Row, picture: Picture, frame: Frame, left: int, columns: int) -> None:
    if picture.reference is not None:
        at = frame.x_dot(picture.reference.y) >> 1
        if 0 <= at < columns:
            row.put(left + at, "┊", REFERENCE)


def _mark(
    row: Row, picture: Picture, frame: Frame, spot: tuple[int, int], left: int, value: int
) -> None:
    place, index = spot
    series, style = picture.series[index], SERIES + 2 * index
    found = [i for i, x in enumerate(series.x) if round(x) == place]
    mean = series.y[found[0]] if found else math.nan
    if not math.isfinite(mean):
        row.put(value, "·", LABEL)
        return
    low = series.low[found[0]] if series.low is not None else mean
    high = series.high[found[0]] if series.high is not None else mean
    most = frame.columns - 1
    start, at, end = (min(max(frame.x_dot(v), 0), most) >> 1 for v in (low, mean, high))
    arm = max(at - start, end - at)
    if arm:
        row.put(left + max(0, at - arm), "├" + "─" * (min(at, arm) - 1), style)
        row.put(left + at, "─" * (min((most >> 1) - at, arm)) + "┤", style)
    row.put(left + at, series.marker[:1], style)
    half = (high - low) / 2
    digits = 3 if half <= 0 else min(4, max(0, 1 - math.floor(math.log10(half))))
    text = f"{mean:.{digits}f}" + (f" ± {half:.{digits}f}" if half > 0 else "")
    row.put(value, text[:VALUE], LABEL)
