"""Blocks as one self-contained HTML page: no script, no font, nothing from the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

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
from memlab.text import lines

STYLE = """
:root { color-scheme: light; --ink: #1d1f23; --soft: #5c6068; --line: #dfe1e5; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f6f4; color: var(--ink);
  font: 16px/1.55 system-ui, "DejaVu Sans", Verdana, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
p.soft, p.question { margin: 0; color: var(--soft); }
h1 { font-size: 1.1rem; margin: 0; letter-spacing: .01em; }
h2 { font-size: 1.05rem; margin: 2.6rem 0 .6rem; }
.verdict { font-size: 1.65rem; line-height: 1.35; font-weight: 600; margin: 1.6rem 0 .8rem;
  max-width: 48rem; text-wrap: pretty; }
p { max-width: 48rem; margin: .4rem 0; }
.warning { background: #fdf3d8; border-left: 4px solid #b8860b; padding: .6rem 1rem;
  margin: 1.2rem 0 0; }
figure { margin: 0 0 1rem; padding: 1rem; background: #fff; border: 1px solid var(--line);
  border-radius: 6px; }
figure svg { display: block; width: 100%; height: auto; }
figure.narrow svg { max-width: 46rem; margin: 0 auto; }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .6rem; }
.scroll { overflow-x: auto; margin-bottom: 1rem; background: #fff; border: 1px solid var(--line);
  border-radius: 6px; }
table { border-collapse: collapse; font-size: .82rem; width: 100%; }
th { text-align: left; font-weight: 600; }
th, td { padding: .38rem .75rem; white-space: nowrap; }
thead th { border-bottom: 1px solid var(--line); vertical-align: bottom; }
caption { text-align: left; color: var(--soft); padding: .55rem .75rem 0; }
tbody tr + tr > * { border-top: 1px solid #eeeff1; }
tbody th { position: sticky; left: 0; background: #fff; }
td, code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
td { white-space: pre; }
td.words { white-space: normal; font-family: inherit; }
.good { color: #1f5c2e; } .bad { color: #a02020; } .doubtful { color: #7a5b00; }
.soft { color: var(--soft); }
.notes { color: var(--soft); font-size: .85rem; margin: .7rem 0; padding-left: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem;
  overflow-x: auto; font-size: .82rem; line-height: 1.45; }
summary { cursor: pointer; }
@media print { body { background: #fff; } main { max-width: none; padding: 0; } }
"""


def page(blocks: Sequence[Block]) -> str:
    """The whole page, called as its first heading is."""
    return lines("\n".join(_page(blocks)) + "\n")


def _page(blocks: Sequence[Block]) -> Iterator[str]:
    name = next((block.text for block in blocks if isinstance(block, Heading)), "memlab")
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(name)} · memlab</title><style>{STYLE}</style></head><body><main>"
    yield from _lines(blocks)
    yield "</main></body></html>"


def _lines(blocks: Sequence[Block]) -> Iterator[str]:
    for block in shown_on(blocks, "html"):
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case Paragraph():
            text = escape(block.text)
            text = f"<em>{text}</em>" if block.tone == "question" else text
            yield f"<p{_classes(block.tone)}>{text}</p>"
        case Bullets():
            yield '<ul class="notes">'
            yield from (f"<li>{escape(item)}</li>" for item in block.items)
            yield "</ul>"
        case Facts():
            yield "<dl>"
            yield from (f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in block.pairs)
            yield "</dl>"
        case Code():
            yield f"<pre>{escape(block.text)}</pre>"
        case Table():
            yield from _table(block)
        case Figure():
            yield from _figure(block)
        case Fold():
            mark = f"<b{_classes(block.tone)}>{escape(block.mark)}</b> " if block.mark else ""
            name = f' id="{escape(block.name)}"' if block.name else ""
            yield f"<details{name}><summary>{mark}{escape(block.summary)}</summary>"
            yield from _lines(block.blocks)
            yield "</details>"


def _classes(*names: str) -> str:
    """The attribute; empty without any."""
    there = " ".join(name for name in names if name)
    return f' class="{there}"' if there else ""


def _figure(figure: Figure) -> Iterator[str]:
    drawn = figure.svg()
    if not drawn:
        return
    if figure.title:
        yield f"<h2>{escape(figure.title)}</h2>"
    yield f"<figure{_classes('narrow' if figure.narrow else '')}>{drawn}"
    yield f"<figcaption>{escape(figure.caption)}</figcaption></figure>"


def _table(table: Table) -> Iterator[str]:
    """A table for each group of columns; what it is in its caption."""
    about = f"<b>{escape(table.title)}</b>. {escape(table.about)}" if table.title else ""
    for group, columns in table.groups or [("", [])]:
        caption = escape(group) or about
        yield '<div class="scroll"><table>' + (f"<caption>{caption}</caption>" if caption else "")
        yield from _grid(table, columns)
        yield "</table></div>"


def _grid(table: Table, columns: Sequence[Column]) -> Iterator[str]:
    heads = "".join(f"<th>{escape(column.title)}</th>" for column in columns)
    yield f"<thead><tr><th>{escape(table.corner)}</th>{heads}</tr></thead><tbody>"
    texts = [column.texts(zero=True) for column in columns]
    for index, label in enumerate(table.labels):
        cells = "".join(
            f"<td{_classes('words' if column.wraps else '', column.tone(index))}>"
            f"{escape(each[index])}</td>"
            for column, each in zip(columns, texts, strict=True)
        )
        yield f"<tr><th>{_mark(table, index)}{escape(label)}</th>{cells}</tr>"
    yield "</tbody>"


def _mark(table: Table, row: int) -> str:
    if not table.marks:
        return ""
    sign, look = table.marks[row]
    painted = f' style="color:{escape(look)}"' if look.startswith("#") else _classes(look)
    return f"<span{painted}>{escape(sign)}</span> "
