"""Small grey pictures as half blocks, in pure text with colours; pixels are rows of 0 to 255.

Quantized to 16 greys; where a terminal has no colours a ramp of shades stands for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

SHADES = " ░▒▓█"
GREYS = 16
#: Text with the hex colours of its ink and of its background.
Block = tuple[str, str | None, str | None]


class Listable(Protocol):
    """An array that turns into lists, such as numpy's."""

    def tolist(self) -> Any:
        """Rows of whole numbers."""


Pixels = Sequence[Sequence[int]] | Listable


def rows_of(pixels: Pixels) -> list[list[int]]:
    """The rows as lists of numbers."""
    if isinstance(pixels, Sequence):
        return [list(row) for row in pixels]
    rows: list[list[int]] = pixels.tolist()
    return rows


def shrink(pixels: Pixels, width: int, height: int) -> list[list[int]]:
    """Box averages by the smallest whole factor that fits into width × height pixels."""
    rows = rows_of(pixels)
    if not rows or not rows[0] or width < 1 or height < 1:
        return []
    factor = max(-(-len(rows) // height), -(-len(rows[0]) // width), 1)
    if factor == 1:
        return rows
    small = []
    for y in range(0, len(rows), factor):
        block = rows[y : y + factor]
        line = []
        for x in range(0, len(rows[0]), factor):
            values = [value for row in block for value in row[x : x + factor]]
            line.append(sum(values) // len(values))
        small.append(line)
    return small


def enlarge(pixels: Pixels, width: int, height: int) -> list[list[int]]:
    """As large as fits into width × height pixels by a whole factor, or shrunk where it is larger.

    >>> enlarge([[0, 9]], 4, 2)
    [[0, 0, 9, 9], [0, 0, 9, 9]]
    """
    rows = shrink(pixels, width, height)
    if not rows:
        return []
    factor = max(1, min(width // len(rows[0]), height // len(rows)))
    wide = [[value for value in row for _ in range(factor)] for row in rows]
    return [row for row in wide for _ in range(factor)]


def half_blocks(pixels: Pixels, shades: bool = False) -> list[list[Block]]:
    """A line for two rows of pixels each; `shades` draws with characters instead of greys."""
    rows = rows_of(pixels)
    if not rows or not rows[0]:
        return []
    lines = []
    for top in range(0, len(rows), 2):
        below = rows[top + 1] if top + 1 < len(rows) else None
        draw = _shade_line(rows[top], below) if shades else _grey_line(rows[top], below)
        lines.append(draw)
    return lines


def _grey(value: int) -> str:
    grey = min(GREYS - 1, max(0, value) * GREYS // 256) * 255 // (GREYS - 1)
    return f"#{grey:02x}{grey:02x}{grey:02x}"


def _grey_line(top: list[int], below: list[int] | None) -> list[Block]:
    made: list[Block] = []
    pairs = [
        (_grey(value), _grey(below[x]) if below is not None else None)
        for x, value in enumerate(top)
    ]
    start = 0
    for x in range(1, len(pairs) + 1):
        if x == len(pairs) or pairs[x] != pairs[start]:
            made.append(("▀" * (x - start), *pairs[start]))
            start = x
    return made


def _shade_line(top: list[int], below: list[int] | None) -> list[Block]:
    low = below if below is not None else top
    means = [(a + b) / 2 for a, b in zip(top, low, strict=True)]
    return [("".join(SHADES[min(4, int(value * 5 / 256))] for value in means), None, None)]
