"""Small grey pictures as strips, and a row of captioned ones; they are drawn in `charts.pixels`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from memlab.charts.pixels import Pixels, enlarge, half_blocks, rows_of, shrink
from memlab.tui.widgets.columns import fit
from memlab.tui.widgets.painted_lines import PaintedLines, Piece, ink

__all__ = ["PictureStrip", "Pixels", "Thumbnail", "enlarge", "picture_lines", "shrink"]

GAP = 2


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
        pixels = tuple(map(tuple, rows_of(self.pixels)))
        return self.caption, self.mark, self.colour, pixels


def picture_lines(pixels: Pixels, *, shades: bool = False) -> list[Strip]:
    """One strip for two rows of pixels; `shades` draws with characters instead of greys."""
    return [
        Strip(
            [
                Segment(text, ink(fore, back) if fore is not None else None)
                for text, fore, back in line
            ]
        )
        for line in half_blocks(pixels, shades)
    ]


def fitted(pixels: Pixels, width: int, height: int) -> list[list[int]]:
    """The picture as large as width × height pixels allow: repeated or averaged by a whole factor.

    >>> fitted([[0, 9]], 5, 2)
    [[0, 0, 9, 9], [0, 0, 9, 9]]
    """
    rows = shrink(pixels, width, height)
    if not rows:
        return []
    factor = min(height // len(rows), width // len(rows[0]))
    return [[value for value in row for _ in range(factor)] for row in rows for _ in range(factor)]


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
