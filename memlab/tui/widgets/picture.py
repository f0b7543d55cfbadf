"""Small grey pictures in half blocks, quantized to 16 greys, and a strip of captioned ones.

Where a terminal has no colours a ramp of shades stands for them. Pixels are rows of 0..255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from memlab.tui.widgets.columns import fit
from memlab.tui.widgets.spans import ink

SHADES = " ░▒▓█"
GAP = 2


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

    def same(self, other: Thumbnail) -> bool:
        """Whether both would be painted alike."""
        if self is other:
            return True
        words = (self.caption, self.mark, self.colour) == (other.caption, other.mark, other.colour)
        return words and _plain(self.pixels) == _plain(other.pixels)


def picture_lines(
    pixels: Pixels, levels: int = 16, *, shades: bool = False, background: str | None = None
) -> list[Strip]:
    """One strip for two rows of pixels; `shades` draws with characters instead of greys."""
    rows = _plain(pixels)
    if not rows or not rows[0]:
        return []
    strips = []
    for top in range(0, len(rows), 2):
        below = rows[top + 1] if top + 1 < len(rows) else None
        draw = _shade_line(rows[top], below) if shades else _grey_line(rows[top], below, levels)
        if background is not None:
            draw = [Segment(s.text, ink(None, background) + (s.style or Style())) for s in draw]
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


class PictureStrip(Widget):
    """A row of captioned thumbnails, as many as fit; only changed ones are repainted."""

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
        self._slots: list[tuple[int, list[Strip]]] = []  # left column, strips
        self._painted_size: Size | None = None

    def set_pictures(self, thumbnails: Sequence[Thumbnail]) -> None:
        """Shows these from left to right; unchanged ones are left alone."""
        before, slots = self._thumbnails, self._slots
        self._thumbnails = list(thumbnails)
        if self._painted_size != self.size or not slots:
            self._painted_size = None
            self.refresh()
            return
        if len(before) == len(thumbnails):
            pairs = zip(before, thumbnails, strict=True)
            if all(old.same(new) for old, new in pairs):
                return
        self._arrange()
        if [left for left, _ in slots] != [left for left, _ in self._slots]:
            self.refresh()
            return
        regions = []
        for (left, strips), (_, old), new_one, old_one in zip(
            self._slots, slots, self._thumbnails, before, strict=False
        ):
            if not new_one.same(old_one):
                width = max(strips[0].cell_length, old[0].cell_length)
                regions.append(Region(left, 0, width, self.size.height))
        if regions:
            self.refresh(*regions)

    @property
    def shown(self) -> int:
        """How many pictures fit."""
        return len(self._slots)

    def notify_style_update(self) -> None:
        """Forgets styles that came from the theme."""
        super().notify_style_update()
        self._painted_size = None

    def render_line(self, y: int) -> Strip:
        """One line of the widget, painted."""
        if self._painted_size != self.size:
            self._arrange()
            self._painted_size = self.size
        width = self.size.width
        style = self.get_component_rich_style("picture--caption")
        if not self._slots:
            text = self.empty.center(width) if y == self.size.height // 2 else ""
            empty = self.get_component_rich_style("picture--empty")
            return Strip([Segment(text, empty)]).crop_extend(0, width, style)
        segments: list[Segment] = []
        x = 0
        for left, strips in self._slots:
            if y < len(strips):
                segments.append(Segment(" " * (left - x), style))
                segments.extend(strips[y])
                x = left + strips[y].cell_length
        return Strip(segments).crop_extend(0, width, style)

    def _arrange(self) -> None:
        self._slots = []
        x, lines = 0, max(0, self.size.height - 1)
        for thumbnail in self._thumbnails:
            strips = self._slot(thumbnail, lines)
            if x + strips[0].cell_length > self.size.width:
                break
            self._slots.append((x, strips))
            x += strips[0].cell_length + GAP

    def _slot(self, thumbnail: Thumbnail, lines: int) -> list[Strip]:
        style = self.get_component_rich_style("picture--caption")
        small = shrink(thumbnail.pixels, self.size.width, lines * 2)
        caption = f"{thumbnail.mark} {thumbnail.caption}" if thumbnail.mark else thumbnail.caption
        width = max(len(small[0]) if small else 0, cell_len(caption), 1)
        plain = self.app.no_color or self.app.console.color_system in (None, "standard")
        strips = []
        for strip in picture_lines(small, shades=plain):
            spare = width - strip.cell_length
            left = [Segment(" " * (spare // 2), style)] if spare // 2 else []
            right = [Segment(" " * (spare - spare // 2), style)] if spare else []
            body = [Segment(s.text, style + (s.style or Style())) for s in strip]
            strips.append(Strip([*left, *body, *right], width))
        own = style + ink(thumbnail.colour, None, True) if thumbnail.colour else style
        strips.append(Strip([Segment(fit(caption, width, "center"), own)], width))
        return strips


def _plain(pixels: Pixels) -> list[list[int]]:
    if isinstance(pixels, Sequence):
        return [list(row) for row in pixels]
    rows: list[list[int]] = pixels.tolist()
    return rows


def _grey(value: int, levels: int) -> str:
    step = min(levels - 1, max(0, value) * levels // 256)
    grey = step * 255 // max(1, levels - 1)
    return f"#{grey:02x}{grey:02x}{grey:02x}"


def _grey_line(top: list[int], below: list[int] | None, levels: int) -> list[Segment]:
    segments: list[Segment] = []
    pairs = [
        (_grey(value, levels), _grey(below[x], levels) if below is not None else None)
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
