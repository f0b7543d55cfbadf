"""Curves to braille dots, in plain Python: two dots across and four down per character cell.

A canvas keeps one mask of dots and one owner (the series that drew last) per cell. Nothing here
knows a widget or a colour.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

LEFT = (0x01, 0x02, 0x04, 0x40)
RIGHT = (0x08, 0x10, 0x20, 0x80)
NOBODY = -1

# One step of a traced curve: dot column, then the dot rows of its first, highest, lowest, last
# value (row 0 is the top).
Step = tuple[int, int, int, int, int]


def _run_masks(dots: tuple[int, int, int, int]) -> list[list[int]]:
    return [[sum(dots[a : b + 1]) for b in range(4)] for a in range(4)]


MASKS = (_run_masks(LEFT), _run_masks(RIGHT))


class Canvas:
    """Dots of `width` × `height` cells, flat and row by row."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.dots = [0] * (width * height)
        self.owners = [NOBODY] * (width * height)

    def column(self, x: int, top: int, bottom: int, owner: int, replace: bool = False) -> None:
        """Sets a vertical run of dots, both ends included; `replace` drops others' dots."""
        masks = MASKS[x & 1]
        first, last = top >> 2, bottom >> 2
        index = first * self.width + (x >> 1)
        if first == last and not replace:  # most runs lie in one cell
            self.dots[index] |= masks[top & 3][bottom & 3]
            self.owners[index] = owner
            return
        for cell in range(first, last + 1):
            mask = masks[top & 3 if cell == first else 0][bottom & 3 if cell == last else 3]
            if replace and self.owners[index] != owner:
                self.dots[index] = mask
            else:
                self.dots[index] |= mask
            self.owners[index] = owner
            index += self.width

    def trace(
        self, steps: Sequence[Step], owner: int, replace: bool = False, dashed: bool = False
    ) -> None:
        """Draws one unbroken piece of a curve."""
        if dashed:
            apart = Canvas(self.width, self.height)
            apart.trace(steps, owner)
            self._overlay(apart, owner)
            return
        column = self.column
        previous_x = previous = -1
        for x, first, top, bottom, last in steps:
            if previous_x >= 0:
                if x - previous_x > 1:
                    self._bridge(previous_x, previous, x, first, owner, replace)
                    previous = first
                if previous < first - 1:
                    top = min(top, previous + 1)
                elif previous > first + 1:
                    bottom = max(bottom, previous - 1)
            column(x, top, bottom, owner, replace)
            previous_x, previous = x, last

    def _bridge(self, x0: int, y0: int, x1: int, y1: int, owner: int, replace: bool) -> None:
        slope = (y1 - y0) / (x1 - x0)
        previous = y0
        for x in range(x0 + 1, x1 + 1):
            y = round(y0 + slope * (x - x0))
            if y > previous + 1:
                self.column(x, previous + 1, y, owner, replace)
            elif y < previous - 1:
                self.column(x, y, previous - 1, owner, replace)
            elif x < x1:
                self.column(x, y, y, owner, replace)
            previous = y

    def _overlay(self, other: Canvas, owner: int) -> None:
        """Takes every other cell of a canvas that one owner has drawn: dashes."""
        for index, mask in enumerate(other.dots):
            if mask and (index % self.width) % 2 == 0:
                self.dots[index] |= mask
                self.owners[index] = owner

    def scatter(self, x: int, top: int, bottom: int, owner: int) -> None:
        """A dotted vertical run in cells that nobody's line has."""
        for y in range(top + (top + x) % 2, bottom + 1, 2):
            index = (y >> 2) * self.width + (x >> 1)
            if self.owners[index] in (NOBODY, owner):
                self.dots[index] |= (RIGHT if x & 1 else LEFT)[y & 3]
                self.owners[index] = owner


class Frame:
    """Maps data to dots; log scales take the logarithm of what they are given."""

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        width: int,
        height: int,
        log: bool,
        log_x: bool = False,
    ) -> None:
        self.low, self.high = (math.log10(x[0]), math.log10(x[1])) if log_x else x
        self.log, self.log_x = log, log_x
        self.bottom, self.top = (math.log10(y[0]), math.log10(y[1])) if log else y
        self.columns, self.rows = width * 2, height * 4
        self.x_scale = (self.columns - 1) / ((self.high - self.low) or 1.0)
        self.y_scale = (self.rows - 1) / ((self.top - self.bottom) or 1.0)
        self._cuts: dict[int, tuple[Sequence[float], list[int]]] = {}

    def x_dot(self, x: float) -> int:
        """Dot column of a finite x; outside of the canvas where x is out of the limits."""
        if self.log_x:
            x = math.log10(x) if x > 0 else -math.inf
        position = (x - self.low) * self.x_scale
        return round(min(max(position, -2.0), self.columns + 1.0))

    def y_dot(self, y: float) -> int:
        """Dot row of a finite y, clipped to the canvas; row 0 is the top."""
        if self.log:
            y = math.log10(y) if y > 0 else self.bottom
        row = (self.top - y) * self.y_scale + 0.5
        return 0 if row <= 0 else self.rows - 1 if row >= self.rows else int(row)

    def steps(self, xs: Sequence[float], ys: Sequence[float]) -> list[Step]:
        """The dots of a finite curve with rising x: one step a dot column that has a point."""
        if len(xs) <= self.columns:
            return self._merge(xs, ys)
        cuts = self._column_starts(xs)
        dots = self._y_dots(ys)
        steps: list[Step] = []
        for column in range(self.columns):
            start, end = cuts[column], cuts[column + 1]
            if end - start == 1:
                row = dots[start]
                steps.append((column, row, row, row, row))
            elif end > start:
                part = dots[start:end]
                steps.append((column, part[0], min(part), max(part), part[-1]))
        return steps

    def _y_dots(self, ys: Sequence[float]) -> list[int]:
        """`y_dot` of each value; one pass, as most of a chart's time went into single calls."""
        if self.log:
            return [self.y_dot(y) for y in ys]
        top, scale = self.top, self.y_scale
        if min(ys) >= self.bottom and max(ys) <= top:
            return [int((top - y) * scale + 0.5) for y in ys]
        return [self.y_dot(y) for y in ys]

    def _merge(self, xs: Sequence[float], ys: Sequence[float]) -> list[Step]:
        steps: list[Step] = []
        for x, y in zip(xs, ys, strict=False):
            column = self.x_dot(x)
            if not 0 <= column < self.columns:
                continue
            row = self.y_dot(y)
            if steps and steps[-1][0] == column:
                _, first, top, bottom, _ = steps[-1]
                steps[-1] = (column, first, min(top, row), max(bottom, row), row)
            else:
                steps.append((column, row, row, row, row))
        return steps

    def _column_starts(self, xs: Sequence[float]) -> list[int]:
        """Index of the first point of each dot column; kept, as series share their x."""
        known = self._cuts.get(id(xs))
        if known is not None:
            return known[1]
        width = 1 / self.x_scale
        start = self.low - width / 2
        edges = [start + i * width for i in range(self.columns + 1)]
        cuts = [bisect_left(xs, 10**edge if self.log_x else edge) for edge in edges]
        self._cuts[id(xs)] = (xs, cuts)
        return cuts


def pieces(
    xs: Sequence[float], ys: Sequence[float], log: bool = False, log_x: bool = False
) -> list[tuple[Sequence[float], Sequence[float]]]:
    """Splits a curve at NaN, infinities and, on log scales, what is not positive."""
    count = min(len(xs), len(ys))
    if count == 0:
        return []
    positive = not (log and min(ys) <= 0) and not (log_x and min(xs) <= 0)
    if positive and math.isfinite(sum(ys)) and math.isfinite(sum(xs)):
        return [(xs, ys)] if len(xs) == len(ys) else [(xs[:count], ys[:count])]
    found: list[tuple[Sequence[float], Sequence[float]]] = []
    start = 0
    for index in range(count + 1):
        good = (
            index < count
            and math.isfinite(ys[index])
            and math.isfinite(xs[index])
            and not (log and ys[index] <= 0)
            and not (log_x and xs[index] <= 0)
        )
        if not good:
            if index > start:
                found.append((xs[start:index], ys[start:index]))
            start = index + 1
    return found
