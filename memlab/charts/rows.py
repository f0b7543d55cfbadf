"""Composes the rows of a chart: frame, labels, curves, bands, marks. No widget, no colours.

Styles are numbers: the constants below, then two per series (line, dimmer dots); a band adds
`BAND` times (series + 1). The chart turns numbers into colours.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from memlab.charts.axis import Limits, Scale, label, ticks
from memlab.charts.plot import Picture, Series
from memlab.charts.raster import Canvas, Frame, pieces
from memlab.charts.row import Row

BLANK, FRAME, TITLE, LABEL, REFERENCE, EMPTY, MARK = range(7)
MARKS = 7  # eight styles for marks with a colour of their own
SERIES = 16
BAND = 4096
BRAILLE = " " + "".join(chr(0x2800 + dots) for dots in range(1, 256))
NONE_POSITIVE = "waits for a value above zero: the axis is logarithmic"


def x_span(series: Sequence[Series], log: bool, log_x: bool = False) -> Limits | None:
    """Least and greatest x of what can be drawn; None for nothing."""
    drawn = (part for each in series for part, _ in pieces(each.x, each.y, log, log_x))
    xs = [x for part in drawn for x in ends(part)]
    return (min(xs), max(xs)) if xs else None


def y_span(series: Sequence[Series], log: bool, log_x: bool = False) -> Limits | None:
    """Least and greatest y of what can be drawn, extremes included; None for nothing."""
    ys: list[float] = []
    for each in series:
        for values in (each.y, each.minimum, each.maximum):
            for _, part in pieces(each.x, values or (), log, log_x):
                ys += ends(part)
    return (min(ys), max(ys)) if ys else None


def ends(values: Sequence[float]) -> Limits:
    """Least and greatest."""
    return min(values), max(values)


def compose(
    picture: Picture, width: int, height: int, x: Limits, y: Limits, scale: Scale
) -> list[Row]:
    """All rows of a chart of this size; at sizes too small for a plot only what fits."""
    rows = [Row(width) for _ in range(height)]
    if width < 2 or height < 2:
        if rows and width:
            rows[0].put(0, picture.title[:width], TITLE)
        return rows
    framed(rows, picture, width, height)
    log, log_x = scale == "log", picture.log_x
    if not any(pieces(s.x, s.y, log, log_x) for s in picture.series):
        waits = log and any(pieces(s.x, s.y, log_x=log_x) for s in picture.series)
        _empty(rows, NONE_POSITIVE if waits else picture.empty, width, height - 2)
        return rows
    gutter = _gutter(y, scale) if width >= 16 else 0
    ticked = bool(picture.ticks) and height >= 6
    left, columns, lines = 1 + gutter, width - 2 - gutter, height - 2 - ticked
    if columns < 2 or lines < 1:
        return rows
    frame = Frame(x, y, columns, lines, log, log_x)
    _x_labels(rows[-1], picture.axis, None if ticked else x, left, columns)
    if ticked:
        _tick_labels(rows[-2], picture, frame, left, columns)
    if gutter:
        _y_labels(rows, frame, picture, y, scale, gutter, lines)
    canvas = draw(picture, frame, columns, lines)
    _place(rows, canvas, left)
    if picture.pointed:
        _points(rows, picture, frame, left, lines)
    _bands(rows, picture, frame, left, lines)
    _reference(rows, picture, frame, canvas, left)
    _marks(rows, picture, frame, left, columns)
    if picture.lettered:
        _letters(rows, picture, frame, left)
    return rows


def draw(picture: Picture, frame: Frame, width: int, height: int) -> Canvas:
    """The curves' dots: plain series first, the highlighted one over them, extremes last."""
    canvas = Canvas(width, height)
    order = sorted(range(len(picture.series)), key=lambda i: _is_highlighted(picture, i))
    for index in order:
        series = picture.series[index]
        parts = pieces(series.x, series.y, frame.log, frame.log_x) if series.joined else ()
        for xs, ys in parts:
            steps = frame.steps(xs, ys)
            canvas.trace(steps, 2 * index, _is_highlighted(picture, index), series.dashed)
    for index in picture.bands:
        _extremes(canvas, frame, picture.series[index], 2 * index + 1)
    return canvas


def _is_highlighted(picture: Picture, index: int) -> bool:
    return picture.series[index].name == picture.highlighted


def _extremes(canvas: Canvas, frame: Frame, series: Series, owner: int) -> None:
    if series.minimum is None or series.maximum is None:
        return
    for column, top, bottom in _envelope(frame, series.x, series.minimum, series.maximum):
        canvas.scatter(column, top, bottom, owner)


def _envelope(
    frame: Frame, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float]
) -> list[tuple[int, int, int]]:
    """Dot column, highest and lowest dot row of the band between two curves, without holes."""
    spans: list[tuple[int, int, int]] = []
    upper, lower = (pieces(xs, ends, frame.log, frame.log_x) for ends in (highs, lows))
    tops = {step[0]: step[2] for part in upper for step in frame.steps(*part)}
    bottoms = {step[0]: step[3] for part in lower for step in frame.steps(*part)}
    for column in sorted(tops.keys() & bottoms.keys()):
        if spans and column - spans[-1][0] > 1:
            before, top, bottom = spans[-1]
            for x in range(before + 1, column):
                share = (x - before) / (column - before)
                spans.append(
                    (
                        x,
                        round(top + (tops[column] - top) * share),
                        round(bottom + (bottoms[column] - bottom) * share),
                    )
                )
        spans.append((column, tops[column], bottoms[column]))
    return spans


def framed(rows: list[Row], picture: Picture, width: int, height: int) -> None:
    """The frame with the title in it, and the legend where there is room."""
    rows[0].put(0, "╭" + "─" * (width - 2) + "╮", FRAME)
    rows[-1].put(0, "╰" + "─" * (width - 2) + "╯", FRAME)
    for row in rows[1:-1]:
        row.put(0, "│", FRAME)
        row.put(width - 1, "│", FRAME)
    room = width - 4
    title = picture.title if len(picture.title) <= room else picture.title[: max(0, room - 1)] + "…"
    if room < 2 or not title:
        return
    rows[0].put(1, f" {title} ", TITLE)
    if picture.legend:
        _legend(rows[0], picture, 1 + len(title) + 2, width)


def _legend(row: Row, picture: Picture, start: int, width: int) -> None:
    """Markers and names at the right; where there is no room for all, of joined series only."""
    for shown in (picture.series, [series for series in picture.series if series.joined]):
        names = [f" {series.marker} {series.name}" for series in shown]
        x = width - 3 - sum(map(len, names))
        if x >= start + 2:
            for series, name in zip(shown, names, strict=True):
                row.put(x, name, SERIES + 2 * picture.series.index(series))
                x += len(name)
            row.put(x, " ", BLANK)
            return


def _empty(rows: list[Row], text: str, width: int, lines: int) -> None:
    wrapped = textwrap.wrap(text, max(1, width - 4))[:lines]
    first = 1 + (lines - len(wrapped)) // 2
    for offset, line in enumerate(wrapped):
        rows[first + offset].put((width - len(line)) // 2, line, EMPTY)


def _gutter(y: Limits, scale: Scale) -> int:
    return max(3, *(len(label(value)) for value in ticks(y, scale, 4)))


def _y_labels(
    rows: list[Row],
    frame: Frame,
    picture: Picture,
    y: Limits,
    scale: Scale,
    gutter: int,
    lines: int,
) -> None:
    parts = 4 if lines >= 13 else 2 if lines >= 5 else 1
    values = ticks(y, scale, parts) if lines > 1 else [y[1]]
    if picture.reference is not None and y[0] < picture.reference.y < y[1]:
        values.append(picture.reference.y)
    taken: set[int] = set()
    for value in (values[0], values[-1], *values[1:-1]):
        line = 1 + (frame.y_dot(value) >> 2)
        text = label(value)
        if line not in taken and len(text) <= gutter:
            rows[line].put(1, text.rjust(gutter), LABEL)
            taken.add(line)


def _tick_labels(row: Row, picture: Picture, frame: Frame, left: int, columns: int) -> None:
    """The words of the places on the axis below them, as many as do not touch."""
    free = left
    for place, words in picture.ticks:
        at = left + (frame.x_dot(place) >> 1)
        start = min(max(left, at - len(words) // 2), left + columns - len(words))
        if left <= at < left + columns and start >= free:
            row.put(start, words, LABEL)
            free = start + len(words) + 1


def _x_labels(row: Row, axis: str, x: Limits | None, left: int, columns: int) -> None:
    low, high = (f" {label(x[0])} ", f" {label(x[1])} ") if x is not None else ("", "")
    end = left + columns - len(high)
    if end < left + len(low):
        return
    row.put(left, low, LABEL)
    row.put(end, high, LABEL)
    name = f" {axis} "
    start = left + (columns - len(name)) // 2
    if axis and start > left + len(low) and start + len(name) < end:
        row.put(start, name, LABEL)


def _place(rows: list[Row], canvas: Canvas, left: int) -> None:
    width = canvas.width
    for line in range(canvas.height):
        start = line * width
        dots = canvas.dots[start : start + width]
        owners = canvas.owners[start : start + width]
        row = rows[line + 1]
        row.cells[left : left + width] = [BRAILLE[d] for d in dots]
        row.styles[left : left + width] = [SERIES + o if o >= 0 else BLANK for o in owners]


def _bands(rows: list[Row], picture: Picture, frame: Frame, left: int, lines: int) -> None:
    for index in picture.bands:
        series = picture.series[index]
        if series.low is None or series.high is None:
            continue
        for column, top, bottom in _envelope(frame, series.x, series.low, series.high):
            if column & 1:
                continue
            for line in range((top + 2) >> 2, min(lines, (bottom + 2) >> 2)):
                styles, at = rows[line + 1].styles, left + (column >> 1)
                styles[at] = styles[at] % BAND + BAND * (index + 1)


def _points(rows: list[Row], picture: Picture, frame: Frame, left: int, lines: int) -> None:
    """Each point as its series' marker, over the strokes that are as long as intervals."""
    # Four dots make a line: `dot >> 2` is a dot's line. How far a stroke goes up and down is
    # counted in whole lines from the point, so that equal intervals look equal wherever in its
    # line a point lies. Markers are put after all strokes, so that none is hidden.
    markers: list[tuple[int, int, str, int]] = []
    for index, series in enumerate(picture.series):
        lows, highs = series.low or series.y, series.high or series.y
        for x, y, low, high in zip(series.x, series.y, lows, highs, strict=False):
            known = math.isfinite(x) and math.isfinite(y)
            if not known or (frame.log and y <= 0) or (frame.log_x and x <= 0):
                continue
            low, high = (end if math.isfinite(end) else y for end in (low, high))
            at, style = frame.x_dot(x) >> 1, SERIES + 2 * index
            dot = frame.y_dot(y)
            above, below = round((dot - frame.y_dot(high)) / 4), round((frame.y_dot(low) - dot) / 4)
            for line in range((dot >> 2) - above, (dot >> 2) + below + 1):
                if 0 <= line < lines:
                    rows[line + 1].put(left + at, "│", style)
            markers.append((dot >> 2, at, series.marker[:1], style))
    taken: set[tuple[int, int]] = set()
    for line, at, marker, style in markers:
        column = _free(taken, line, at, frame.columns >> 1)
        taken.add((line, column))
        rows[line + 1].put(left + column, marker, style)


def _free(taken: set[tuple[int, int]], line: int, at: int, columns: int) -> int:
    """The column nearest to `at` where no marker stands yet; `at` itself where all have one."""
    for aside in range(columns):
        for column in (at + aside, at - aside):
            if 0 <= column < columns and (line, column) not in taken:
                return column
    return at


def _reference(rows: list[Row], picture: Picture, frame: Frame, canvas: Canvas, left: int) -> None:
    reference = picture.reference
    if reference is None or not frame_has(frame, reference.y):
        return
    line = frame.y_dot(reference.y) >> 2
    row = rows[line + 1]
    free = [canvas.owners[line * canvas.width + x] < 0 for x in range(canvas.width)]
    for x, empty in enumerate(free):
        if empty:
            row.cells[left + x] = "╌"
            row.styles[left + x] += REFERENCE
    text = f" {reference.label} " if reference.label else ""
    for start in (canvas.width - len(text) - 1, (canvas.width - len(text)) // 2, 1):
        if text and start >= 0 and all(free[start : start + len(text)]):
            row.put(left + start, text, REFERENCE)
            return


def frame_has(frame: Frame, y: float) -> bool:
    """Whether a value lies within the limits of the vertical axis."""
    return 10**frame.bottom <= y <= 10**frame.top if frame.log else frame.bottom <= y <= frame.top


def _marks(rows: list[Row], picture: Picture, frame: Frame, left: int, columns: int) -> None:
    for index, mark in enumerate(picture.marks):
        column = frame.x_dot(mark.x) >> 1 if mark.x == mark.x else -1
        if not 0 <= column < columns:
            continue
        line = 0 if mark.y is None else max(0, (frame.y_dot(mark.y) >> 2) - 1)
        row, x = rows[line + 1], left + column
        style = MARK if mark.colour is None else MARKS + index % 8
        row.put(x, "▼", style)
        text = mark.label
        for start in (x + 2, x - 1 - len(text)):
            room = row.cells[start : start + len(text)]
            inside = start >= left and start + len(text) <= left + columns
            if text and inside and all(cell in " ╌" for cell in room):
                row.put(start, text, style)
                break


def _letters(rows: list[Row], picture: Picture, frame: Frame, left: int) -> None:
    taken: set[tuple[int, int]] = set()
    order = sorted(range(len(picture.series)), key=lambda i: not _is_highlighted(picture, i))
    for index in order:
        series = picture.series[index]
        parts = pieces(series.x, series.y, frame.log, frame.log_x) if series.joined else []
        steps = frame.steps(*parts[-1]) if parts else []
        for column, *_, last in reversed(steps):
            spot = (last >> 2, column >> 1)
            if spot not in taken:
                taken.update((spot, (spot[0], spot[1] - 1)))
                rows[spot[0] + 1].put(left + spot[1], series.marker[:1], SERIES + 2 * index)
                break
