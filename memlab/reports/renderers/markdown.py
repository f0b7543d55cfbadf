"""Blocks as Markdown, for papers, issues and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memlab.reports.blocks import (
    Block,
    Bullets,
    Code,
    Column,
    Facts,
    Fold,
    Heading,
    Paragraph,
    Table,
    shown_on,
)
from memlab.text import lines

AROUND = {"verdict": "**{}**", "question": "*{}*", "warning": "> {}", "good": "**{}**"}


def page(blocks: Sequence[Block]) -> str:
    """The whole page; ends with a line break. Figures are left out."""
    return lines("\n".join(_lines(blocks)) + "\n")


def _lines(blocks: Sequence[Block]) -> Iterator[str]:
    before: Block | None = None
    for block in shown_on(blocks, "markdown"):
        part = list(_block(block))
        if not part:
            continue
        listed = _is_line(block) and before is not None and _is_line(before)
        if before is not None and not listed:
            yield ""
        yield from part
        before = block


def _is_line(block: Block) -> bool:
    return isinstance(block, Fold) and not block.opened


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {escaped(block.text)}"
        case Paragraph():
            yield AROUND.get(block.tone, "{}").format(escaped(block.text))
        case Bullets():
            yield from (f"- {escaped(item)}" for item in block.items)
        case Facts():
            yield from (f"- {escaped(name)}: {escaped(value)}" for name, value in block.pairs)
        case Code():
            yield from _fenced(block)
        case Table():
            yield from _table(block)
        case Fold(opened=True):
            yield f"### {escaped(block.summary)}"
            yield ""
            yield from _lines(block.blocks)
        case Fold():
            yield f"- {escaped(block.summary)}"


def _table(table: Table) -> Iterator[str]:
    """A table for each group of columns, each under its heading."""
    if table.title:
        yield f"### {escaped(_capital(table.title))}"
        yield ""
    if table.about:
        yield escaped(table.about)
    for index, (group, columns) in enumerate(table.groups):
        if index or table.about:
            yield ""
        if group:
            yield f"### {escaped(_capital(group))}"
            yield ""
        yield from _grid(table, columns)


def _grid(table: Table, columns: Sequence[Column]) -> Iterator[str]:
    labels = [escaped(label) for label in table.labels]
    made = [(labels, escaped(table.corner) or " ", "left")]
    for column in columns:
        texts = column.texts(zero=True)
        made_safe = escaped if column.words else _quoted  # spaces put the points of figures in line
        texts = [_toned(made_safe(text), column.tone(i)) for i, text in enumerate(texts)]
        made.append((texts, escaped(column.title), "left" if column.words else "right"))
    widths = [max(3, len(title), *map(len, cells)) for cells, title, _ in made]
    yield _row([title.ljust(w) for (_, title, _), w in zip(made, widths, strict=True)])
    sides = zip(made, widths, strict=True)
    yield _row(["-" * w if side == "left" else "-" * (w - 1) + ":" for (_, _, side), w in sides])
    for index in range(len(labels)):
        yield _row([cells[index].ljust(w) for (cells, _, _), w in zip(made, widths, strict=True)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _toned(text: str, tone: str) -> str:
    return f"**{text}**" if tone in ("good", "bad", "doubtful") and text else text


def _fenced(code: Code) -> Iterator[str]:
    fence = "```"
    while fence in code.text:
        fence += "`"
    yield from (f"{fence}{code.language}", code.text.rstrip("\n"), fence)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def escaped(text: str) -> str:
    """Text with Markdown's own characters made harmless, on one line."""
    return " ".join(_quoted(text).split())


def _quoted(text: str) -> str:
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text
