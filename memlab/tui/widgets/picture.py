"""Small grey pictures in half blocks, quantized to 16 greys, and a strip of captioned ones.

Where a terminal has no colours a ramp of shades stands for them. Pixels are rows of 0..255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from memlab.tui.widgets.columns import fit
from memlab.tui.widgets.painted_lines import PaintedLines, Piece, ink

SHADES = " ░▒▓█"
GAP = 2
GREYS = 16


class Listable(Protocol):
    """An array that turns into lists, such as numpy's."""

    def tolist(self) -> Any:
        """Rows of whole numbers."""


Pixels = Sequence[Sequence[int]] | Listable


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A picture [height][width] with its caption; `mark` and `colour` say truth or lies."""

    pixels: Pixels
    caption: str = ""
    mark: str = ""
    colour: str | None = None

    @cached_property
    def look(self) -> tuple[object, ...]:
        """All that is painted of it."""
        pixels = tuple(map(tuple, _plain(self.pixels)))
        return self.caption, self.mark, self.colour, pixels


def picture_lines(pixels: Pixels, *, shades: bool = False) -> list[Strip]:
    """One strip for two rows of pixels; `shades` draws with characters instead of greys."""
    rows = _plain(pixels)
    if not rows or not rows[0]:
        return []
    strips = []
    for top in range(0, len(rows), 2):
        below = rows[top + 1] if top + 1 < len(rows) else None
        draw = _shade_line(rows[top], below) if shades else _grey_line(rows[top], below)
        strips.append(Strip(draw, len(rows[0])))
    return strips


def shrink(pixels: Pixels, width: int, height: int) -> list[list[int]]:
    """Box averages by the smallest whole factor that fits into width × height pixels."""
    rows = _plain(pixels)
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


class PictureStrip(PaintedLines):
    """A row of captioned thumbnails, as many as fit; a picture that stays is drawn once."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"picture--caption", "picture--empty"}
    DEFAULT_CSS = """
    PictureStrip {
        width: 1fr;
        height: 6;
        & > .picture--caption { color: $foreground; }
        & > .picture--empty { color: $foreground 60%; text-style: italic; }
    }
    """

    def __init__(
        self, *, empty: str = "no pictures yet", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.empty = empty
        self._thumbnails: list[Thumbnail] = []
        self._slots: list[list[list[Piece]]] = []  # lines of each picture
        self._drawn: dict[tuple[object, ...], list[list[Piece]]] = {}

    def set_pictures(self, thumbnails: Sequence[Thumbnail]) -> None:
        """Shows these from left to right."""
        self._thumbnails = list(thumbnails)
        self.repaint()

    @property
    def shown(self) -> int:
        """How many pictures fit."""
        return len(self._slots)

    def line(self, y: int) -> list[Piece]:
        if not self._slots:
            text = self.empty.center(self.size.width) if y == self.size.height // 2 else ""
            return [(text, self.style_of("picture--empty"))]
        gap = (" " * GAP, self.style_of("picture--caption"))
        return [piece for slot in self._slots if y < len(slot) for piece in (*slot[y], gap)]

    def compose_lines(self) -> None:
        before, self._drawn, self._slots = self._drawn, {}, []
        room = self.size.width
        for thumbnail in self._thumbnails:
            key = thumbnail.look, self.size, self.style_of("picture--caption")
            slot = before.get(key) or self._slot(thumbnail, max(0, self.size.height - 1))
            room -= sum(cell_len(text) for text, _ in slot[0])
            if room < 0:
                break
            room -= GAP
            self._drawn[key] = slot
            self._slots.append(slot)

    def _slot(self, thumbnail: Thumbnail, lines: int) -> list[list[Piece]]:
        style = self.style_of("picture--caption")
        small = shrink(thumbnail.pixels, self.size.width, lines * 2)
        caption = f"{thumbnail.mark} {thumbnail.caption}" if thumbnail.mark else thumbnail.caption
        width = max(len(small[0]) if small else 0, cell_len(caption), 1)
        plain = self.app.no_color or self.app.console.color_system in (None, "standard")
        slot: list[list[Piece]] = []
        for strip in picture_lines(small, shades=plain):
            spare = width - strip.cell_length
            body = [(text, style + (own or Style())) for text, own, _ in strip]
            slot.append([(" " * (spare // 2), style), *body, (" " * (spare - spare // 2), style)])
        own = style + ink(thumbnail.colour, None, True) if thumbnail.colour else style
        return [*slot, [(fit(caption, width, "center"), own)]]


def _plain(pixels: Pixels) -> list[list[int]]:
    if isinstance(pixels, Sequence):
        return [list(row) for row in pixels]
    rows: list[list[int]] = pixels.tolist()
    return rows


def _grey(value: int) -> str:
    grey = min(GREYS - 1, max(0, value) * GREYS // 256) * 255 // (GREYS - 1)
    return f"#{grey:02x}{grey:02x}{grey:02x}"


def _grey_line(top: list[int], below: list[int] | None) -> list[Segment]:
    segments: list[Segment] = []
    pairs = [
        (_grey(value), _grey(below[x]) if below is not None else None)
        for x, value in enumerate(top)
    ]
    start = 0
    for x in range(1, len(pairs) + 1):
        if x == len(pairs) or pairs[x] != pairs[start]:
            segments.append(Segment("▀" * (x - start), ink(*pairs[start])))
            start = x
    return segments


def _shade_line(top: list[int], below: list[int] | None) -> list[Segment]:
    low = below if below is not None else top
    means = [(a + b) / 2 for a, b in zip(top, low, strict=True)]
    return [Segment("".join(SHADES[min(4, int(value * 5 / 256))] for value in means))]
