"""Composes the rows of a heat map: frame, labels, cells, legend. No widget, no colours.

Styles are numbers: the constants below, `CELL` + level for a full cell or a number on it, and
`HALF` + two levels for a half block; the heat map turns them into colours. A level that is not
there (NaN) is `NOTHING`, and its cell is blank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from memlab.charts.axis import label
from memlab.charts.row import Row
from memlab.numbers import number
from memlab.tui.widgets.heat_scale import STEPS, HeatScale, character

BLANK, FRAME, TITLE, LABEL, EMPTY = range(5)
CELL = 64  # + level + STEPS
HALF = 256  # + (upper + STEPS) * WAYS + lower + STEPS
NOTHING = STEPS + 1
WAYS = 2 * STEPS + 2
WIDEST, TALLEST = 12, 3  # cells
Matrix = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Heat:
    """What a heat map is told: the matrix (rows × columns), its scale and words."""

    matrix: Matrix
    scale: HeatScale
    title: str = ""
    axes: str = ""
    empty: str = ""


@dataclass(frozen=True)
class Layout:
    """How cells are drawn: `width` × `height`, with `decimals` of value ÷ 10^`exponent` or none,
    two rows a line where `halves`, each cell the mean of `factor` × `factor`."""

    width: int = 1
    height: int = 1
    decimals: int | None = None
    exponent: int = 0
    halves: bool = False
    factor: int = 1


def compose(heat: Heat, width: int, height: int, plain: bool = False) -> list[Row]:
    """All rows of a heat map of this size; `plain` draws without colours."""
    rows = [Row(width) for _ in range(height)]
    if width < 8 or height < 5:
        if rows:
            rows[0].put(0, heat.title[:width], TITLE)
        return rows
    _frame(rows, heat, width)
    if not heat.matrix or not any(
        math.isfinite(v) or math.isinf(v) for r in heat.matrix for v in r
    ):
        text = heat.empty[: width - 4]
        rows[height // 2].put((width - len(text)) // 2, text, EMPTY)
        return rows
    gutter = len(str(len(heat.matrix) - 1))
    room, lines = width - 3 - gutter, height - 4
    layout = layout_of(heat, room, lines, plain)
    matrix = shrunk(heat.matrix, layout.factor)
    left, top = 2 + gutter, 2
    if layout.factor == 1:
        _numbers(rows, heat, layout, gutter, top)
    for index in range(0, len(matrix), 2 if layout.halves else 1):
        below = matrix[index + 1] if index + 1 < len(matrix) else None
        for line in range(layout.height):
            row = rows[top + line + (index // 2 if layout.halves else index * layout.height)]
            told = layout if line == layout.height // 2 else replace(layout, decimals=None)
            bare = plain and layout.decimals is None
            _cells(row, left, matrix[index], below, heat.scale, told, bare)
    _legend(rows[-2], heat.scale, layout, plain, width)
    return rows


def layout_of(heat: Heat, room: int, lines: int, plain: bool) -> Layout:
    """Numbers where cells are wide enough, else full cells, else half blocks, else means."""
    count, across = len(heat.matrix), max(map(len, heat.matrix))
    wide = min(WIDEST, room // max(1, across))
    exponent = exponent_of(heat.scale)
    if count <= lines:
        high = min(TALLEST, lines // count)
        ways = [(2, exponent), (1, exponent), (0, exponent)]
        if max(abs(heat.scale.low), abs(heat.scale.high)) <= 10.0**exponent:
            ways.insert(1, (0, exponent - 2))
        for decimals, power in ways:
            made = Layout(wide, high, decimals, power)
            if wide > max(len(cell_text(v, made)) for row in heat.matrix for v in row):
                return made
        if wide >= 1:
            return Layout(min(wide, 3), high)
    tall = 1 if plain else 2
    factor = max(1, -(-across // max(1, room)), -(-count // max(1, tall * lines)))
    return Layout(halves=not plain, factor=factor)


def exponent_of(scale: HeatScale) -> int:
    """The power of ten that is taken out of the numbers in cells; 0 where they read well."""
    end = max(abs(scale.low), abs(scale.high))
    return 0 if 0.1 <= end < 1000 else math.floor(math.log10(end))


def cell_text(value: float, layout: Layout) -> str:
    """The number in a cell; empty for NaN."""
    if math.isnan(value) or layout.decimals is None:
        return ""
    return number(value / 10.0**layout.exponent, layout.decimals)


def shrunk(matrix: Matrix, factor: int) -> Matrix:
    """Means of blocks of `factor` × `factor`, over what is finite; NaN where nothing is."""
    if factor == 1:
        return matrix
    made = []
    for top in range(0, len(matrix), factor):
        line = []
        for left in range(0, max(map(len, matrix)), factor):
            block = [v for row in matrix[top : top + factor] for v in row[left : left + factor]]
            finite = [v for v in block if math.isfinite(v)]
            line.append(sum(finite) / len(finite) if finite else math.nan)
        made.append(line)
    return made


def _frame(rows: list[Row], heat: Heat, width: int) -> None:
    rows[0].put(0, "╭" + "─" * (width - 2) + "╮", FRAME)
    rows[-1].put(0, "╰" + "─" * (width - 2) + "╯", FRAME)
    for row in rows[1:-1]:
        row.put(0, "│", FRAME)
        row.put(width - 1, "│", FRAME)
    title = heat.title if len(heat.title) <= width - 4 else heat.title[: width - 5] + "…"
    if title:
        rows[0].put(1, f" {title} ", TITLE)
    if heat.axes and len(heat.axes) <= width - 4:
        rows[-1].put((width - len(heat.axes) - 2) // 2, f" {heat.axes} ", LABEL)


def _numbers(rows: list[Row], heat: Heat, layout: Layout, gutter: int, top: int) -> None:
    """Numbers rows and columns from 0; each tenth column where there is no room for more."""
    across = max(map(len, heat.matrix))
    step = 1 if layout.width >= len(str(across - 1)) else 10
    for index in range(0, across, step):
        text = str(index)
        text = text.rjust(layout.width - 1) if layout.decimals is not None else text
        rows[top - 1].put(2 + gutter + index * layout.width, text, LABEL)
    tall = 2 if layout.halves else 1
    for index in range(0, len(heat.matrix), tall):
        at = index // tall * layout.height + layout.height // 2
        rows[top + at].put(1, str(index).rjust(gutter), LABEL)


def _cells(
    row: Row,
    left: int,
    upper: Sequence[float],
    lower: Sequence[float] | None,
    scale: HeatScale,
    layout: Layout,
    plain: bool,
) -> None:
    for index, value in enumerate(upper):
        level, x = scale.level(value), left + index * layout.width
        if layout.halves:
            below = None if lower is None or index >= len(lower) else scale.level(lower[index])
            if level is not None or below is not None:
                row.put(x, "▀", half_style(level, below))
        elif level is not None:
            text = f"{cell_text(value, layout)} ".rjust(layout.width)
            if plain:
                text = character(level) * layout.width
            row.put(x, text, CELL + level + STEPS)


def half_style(upper: int | None, lower: int | None) -> int:
    """The style of a half block whose halves have these levels."""
    above, below = (NOTHING if level is None else level for level in (upper, lower))
    return HALF + (above + STEPS) * WAYS + below + STEPS


def halves_of(style: int) -> tuple[int | None, int | None]:
    """The levels of a style of `half_style`."""
    above, below = divmod(style - HALF, WAYS)
    levels = (above - STEPS, below - STEPS)
    return tuple(None if level == NOTHING else level for level in levels)  # type: ignore[return-value] # two


def _legend(row: Row, scale: HeatScale, layout: Layout, plain: bool, width: int) -> None:
    pieces: list[tuple[str, int]] = [(f" {signed(scale.low)} ", LABEL)]
    ramp = range(-STEPS, STEPS + 1, 2) if scale.diverging else range(0, STEPS + 1)
    for level in ramp:
        if level == 0 and scale.diverging:
            pieces.append((" 0 ", LABEL))
        else:
            pieces.append((character(level) if plain else " ", CELL + level + STEPS))
    pieces.append((f" {signed(scale.high)}", LABEL))
    if layout.exponent and layout.decimals is not None:
        pieces.append((f"  cells ×1e{layout.exponent}".replace("-", "−"), LABEL))
    if layout.factor > 1:
        pieces.append((f"  a cell: mean of {layout.factor} × {layout.factor}", LABEL))
    x = 1
    for text, style in pieces:
        row.put(x, text[: max(0, width - 1 - x)], style)
        x += len(text)


def signed(value: float) -> str:
    """A number of the legend."""
    return label(value).replace("-", "−") if value < 0 else label(value)
