"""Rows of small pictures with captions: as SVG with embedded PNG, and in half blocks."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from memlab.charts.pixels import half_blocks, shrink
from memlab.text import plain

Rows = Sequence[Sequence[int]]
SIDE, GAP, LINE = 64, 18, 16  # of a picture, between pictures, of a line of text, in SVG units
ACROSS, ARROW = 5, 22
SMALL, BETWEEN = 14, 3  # pixels of a picture in half blocks, columns between two


@dataclass(frozen=True)
class Captioned:
    """One or two pictures side by side, with lines of text below; an arrow joins two."""

    pictures: tuple[Rows, ...]
    captions: tuple[str, ...]


def png(rows: Rows) -> bytes:
    """A grey PNG of rows of 0 to 255 (PNG 1.2, chunks IHDR, IDAT, IEND; filter 0)."""
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    chunks = (b"IHDR", header), (b"IDAT", data), (b"IEND", b"")
    made = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + made


def svg(cells: Sequence[Captioned]) -> str:
    """Pictures in rows; empty without any."""
    cells = [cell for cell in cells if all(cell.pictures)]
    if not cells:
        return ""
    most = max(len(cell.pictures) for cell in cells)
    lines = max(len(cell.captions) for cell in cells)
    across = ACROSS if most > 1 else 2 * ACROSS
    wide = most * SIDE + (most - 1) * ARROW
    step_x, step_y = wide + GAP, SIDE + LINE * lines + GAP
    width, height = min(across, len(cells)) * step_x, -(-len(cells) // across) * step_y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'style="max-width:{width}px" font-size="11" text-anchor="middle" role="img">'
    ]
    for number, cell in enumerate(cells):
        parts += _cell(cell, number % across * step_x, number // across * step_y, wide)
    return "".join([*parts, "</svg>"])


def _cell(cell: Captioned, x: int, y: int, wide: int) -> Iterator[str]:
    for at, rows in enumerate(cell.pictures):
        left = x + at * (SIDE + ARROW)
        data = base64.b64encode(png(rows)).decode()
        yield (
            f'<image x="{left}" y="{y}" width="{SIDE}" height="{SIDE}" '
            f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
        )
        if at:
            yield f'<text x="{left - ARROW / 2:g}" y="{y + SIDE / 2:g}" font-size="16">→</text>'
    for at, caption in enumerate(cell.captions):
        middle, line = x + wide / 2, y + SIDE + LINE * (at + 1) - 3
        yield f'<text x="{middle:g}" y="{line}">{escape(plain(caption, 40))}</text>'


@dataclass(frozen=True)
class Drawn:
    """The same for consoles, as many side by side as fit; nothing where there are no colours."""

    cells: Sequence[Captioned]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if console.color_system is None:
            return
        shades = console.no_color or console.color_system == "standard"
        blocks = [_block(cell, shades) for cell in self.cells if all(cell.pictures)]
        width = max((line.cell_len for block in blocks for line in block), default=0)
        across = max(1, (options.max_width + BETWEEN) // (width + BETWEEN)) if width else 1
        for start in range(0, len(blocks), across):
            part = blocks[start : start + across]
            for row in range(max(map(len, part))):
                line = Text(no_wrap=True)
                for block in part:
                    piece = block[row].copy() if row < len(block) else Text()
                    piece.pad_right(width + BETWEEN - piece.cell_len)
                    line.append_text(piece)
                line.rstrip()
                yield line


def _block(cell: Captioned, shades: bool) -> list[Text]:
    """The lines of one cell, all of one width."""
    drawn = [half_blocks(shrink(rows, SMALL, SMALL), shades) for rows in cell.pictures]
    widths = [sum(cell_len(text) for text, _, _ in lines[0]) for lines in drawn]
    height = max(map(len, drawn))
    made = []
    for row in range(height):
        line = Text()
        for at, lines in enumerate(drawn):
            if at:
                line.append(" → " if row == height // 2 else "   ")
            pieces = lines[row] if row < len(lines) else [(" " * widths[at], None, None)]
            for text, fore, back in pieces:
                line.append(text, f"{fore} on {back}" if back else fore or "")
        made.append(line)
    made += [Text(plain(caption, 40)) for caption in cell.captions]
    return made
