"""Blocks on a console: Rich, from 80 columns up, readable without colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from memlab.reports.blocks import (
    Block,
    Bullets,
    Code,
    Column,
    Facts,
    Figure,
    Fold,
    Heading,
    Paragraph,
    Table,
    shown_on,
)
from memlab.text import plain

GAP = 2
WIDE = 100  # below, spare columns give way
ROOMY = 120  # below, labels fold early
WIDEST_LABEL, WIDEST_OF_ALL = 30, 48
STYLES = {
    "": "",
    "verdict": "bold",
    "soft": "dim",
    "question": "italic",
    "warning": "bold yellow",
    "good": "green",
    "bad": "red",
    "doubtful": "yellow",
}


@dataclass(frozen=True)
class ConsolePage:
    """A renderable that lays blocks out for the console's width."""

    blocks: Sequence[Block]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        before: Block | None = None
        for block in shown_on(self.blocks, "console"):
            if isinstance(block, Figure) and not _drawn(block, console):
                continue
            if before is not None and _parted(before, block):
                yield Text()
            yield from _block(block)
            before = block


def _drawn(figure: Figure, console: Console) -> bool:
    """Whether there is something to see of it."""
    return figure.drawn is not None and not (figure.coloured and console.color_system is None)


def _parted(before: Block, block: Block) -> bool:
    """Whether an empty line stands between them; headings and closed folds hold together."""
    if isinstance(before, Heading):
        return False
    if isinstance(before, Paragraph) and isinstance(block, Paragraph | Code):
        return isinstance(block, Paragraph) and block.tone == "verdict"
    if isinstance(before, Fold) and isinstance(block, Fold):
        return block.opened
    return True


def _block(block: Block) -> Iterator[RenderableType]:
    match block:
        case Heading():
            yield Text(plain(block.text), style="bold")
        case Paragraph():
            yield Text(plain(block.text), style=STYLES[block.tone])
        case Bullets():
            yield from (Text(plain(item), style="dim") for item in block.items)
        case Facts():
            yield _facts(block)
        case Code():
            yield Text(plain(block.text, len(block.text) + 1), overflow="fold")
        case Table():
            yield from _table(block)
        case Figure():
            yield from () if block.drawn is None else (block.drawn,)
        case Fold():
            mark = f"{block.mark}  " if block.mark else ""
            style = "bold" if block.opened else STYLES[block.tone]
            yield Text(plain(f"{mark}{block.summary}"), style=style)
            if block.opened:
                yield Padding(Group(*_all(block.blocks)), (0, 0, 0, GAP))


def _all(blocks: Sequence[Block]) -> Iterator[RenderableType]:
    for block in shown_on(blocks, "console"):
        yield from _block(block)


def _facts(facts: Facts) -> Grid:
    grid = Grid.grid(padding=(0, GAP, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts.pairs:
        grid.add_row(Text(plain(name)), Text(plain(value)))
    return grid


def _table(table: Table) -> Iterator[RenderableType]:
    if table.title:
        yield Text(plain(table.title), style="bold")
    if table.about:
        yield Text(plain(table.about), style="dim")
    yield Grids(table)


@dataclass(frozen=True)
class Grids:
    """A table's columns, as many side by side as have room.

    `corner` and `labels` stand in place of the table's own, which then go without marks.
    """

    table: Table
    corner: str | None = None
    labels: Sequence[Text] | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table, width = self.table, options.max_width
        columns = [c for c in table.columns if width >= WIDE or not c.spare]
        corner = self.corner if self.corner is not None else table.corner
        labels = self.labels or [Text(plain(label)) for label in table.labels]
        marks = () if self.labels else table.marks
        longest = max(len(corner), *(label.cell_len for label in labels), 1)
        room = min(longest, WIDEST_LABEL if width < ROOMY else WIDEST_OF_ALL)
        left = width - room - GAP - (1 + GAP if marks else 0)
        for index, part in enumerate(_parts(columns, left)):
            if index:
                yield Text()
            groups = {column.group for column in part}
            if len(groups) == 1 and (group := groups.pop()):
                yield Text(plain(group), style="dim")
            yield _grid(corner, part, labels, marks, room)


def _grid(
    corner: str,
    columns: Sequence[Column],
    labels: Sequence[Text],
    marks: Sequence[tuple[str, str]],
    room: int,
) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    if marks:
        grid.add_column("", width=1)
    grid.add_column(Text(plain(corner)), max_width=room, overflow="fold")
    for column in columns:
        grid.add_column(Text(plain(column.title)), no_wrap=not column.wraps, overflow="fold")
    texts = [column.texts(zero=False) for column in columns]
    for index, label in enumerate(labels):
        first = [Text(sign, STYLES.get(look, look)) for sign, look in marks[index : index + 1]]
        cells = zip(columns, (each[index] for each in texts), strict=True)
        toned = [Text(plain(cell), STYLES[column.tone(index)]) for column, cell in cells]
        grid.add_row(*first, label, *toned)
    return grid


def _parts(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """All columns side by side where they fit, else each group by itself, cut where it must be.

    What wraps makes room, so that with it there is one part.
    """
    if _width(columns) <= width or any(column.wraps for column in columns):
        return [list(columns)] if columns else []
    made: list[list[Column]] = []
    for column in columns:
        last = made[-1] if made else None
        together = last is not None and last[0].group == column.group
        if last is not None and together and _width([*last, column]) <= width:
            last.append(column)
        else:
            made.append([column])
    return made


def _width(columns: Sequence[Column]) -> int:
    return sum(
        max(len(column.title), *map(len, column.texts(zero=False)), 1) + GAP for column in columns
    )
