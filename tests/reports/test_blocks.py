"""Blocks look the same kind of thing in every renderer, and a stranger's text steers none."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from memlab.estimate import Estimate
from memlab.reports import renderers
from memlab.reports.blocks import (
    PAGES,
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
)
from memlab.reports.renderers import html, markdown
from memlab.reports.renderers.console import ConsolePage
from tests.hostile_run import steering

EVIL = "\x1b]0;owned\x07\u202e\x9b[2J[bold]<script>|`*_#"


def console(blocks: Sequence[Block], width: int = 120) -> str:
    made = Console(width=width, color_system=None)
    with made.capture() as capture:
        made.print(ConsolePage(blocks))
    return capture.get()


RENDERERS: dict[str, Callable[[Sequence[Block]], str]] = {
    "console": console,
    "markdown": markdown.page,
    "html": html.page,
}


def every(text: str) -> list[Block]:
    """A block of every kind, whose texts all say this."""
    figures = Column(text, (Estimate.around(0.5, 0.1), text), group=text)
    words = Column(text, (text, text), words=True, tones=("good", "bad"))
    return [
        Heading(text, 1),
        Paragraph(text, "warning"),
        Bullets((text,)),
        Facts(((text, text),)),
        Code(text, "sh"),
        Table(text, (text, text), (figures,), text, text, ((text, "good"), (text, "#000000"))),
        Table(text, (text, text), (words,)),
        Figure(text, lambda: "<svg></svg>", text),
        Fold(text, (Paragraph(text),), text, "good"),
        Fold(text, (Paragraph(text),), opened=True, name=text),
    ]


@pytest.mark.parametrize("name", RENDERERS)
def test_every_kind_of_block_is_shown_in_every_renderer(name: str) -> None:
    for index, block in enumerate(every("hello")[:7]):
        assert "hello" in RENDERERS[name]([block]), index


@pytest.mark.parametrize("name", RENDERERS)
def test_what_a_stranger_wrote_steers_no_renderer(name: str) -> None:
    shown = RENDERERS[name](every(EVIL))
    assert steering(shown) == set()


def test_markup_is_text_on_a_console() -> None:
    assert "[bold]<script>" in console(every(EVIL))


def test_markup_is_escaped_in_every_place_of_a_page() -> None:
    page = html.page(every('<script>a & "b"</script>'))
    assert "<script>" not in page


def test_markdown_of_a_stranger_is_text() -> None:
    page = markdown.page([block for block in every("<b>|x") if not isinstance(block, Code)])
    assert "<b>" not in page.replace("\\<b\\>", "")
    assert "|x" not in page.replace("\\|x", "")


def test_a_block_is_shown_where_it_is_for_only() -> None:
    blocks = [Heading("title", 1), Paragraph("on pages", on=PAGES)]
    assert ["on pages" in render(blocks) for render in RENDERERS.values()] == [False, True, True]


def test_a_fold_stands_alone_where_nothing_unfolds_unless_it_is_opened() -> None:
    closed, opened = (Fold("line", (Paragraph("inside"),), opened=each) for each in (False, True))
    for render in (console, markdown.page):
        assert "inside" not in render([closed])
        assert "inside" in render([opened])
    assert "inside" in html.page([closed])


def test_columns_that_have_no_room_go_below_and_spare_ones_give_way() -> None:
    columns = [Column(f"column {i}", ("1",), group="g", spare=i == 0) for i in range(12)]
    text = console([Table("", ("a",), tuple(columns))], 80)
    assert max(map(len, text.splitlines())) <= 80
    assert [f"column {i} " in text + " " for i in range(2)] == [False, True]
    assert "column 11" in text


def test_renderers_know_blocks_and_no_report() -> None:
    folder = Path(renderers.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "memlab.reports"
            ):
                assert node.module == "memlab.reports.blocks", file
