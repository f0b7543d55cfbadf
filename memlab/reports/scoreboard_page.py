"""The scoreboard as blocks: every claim with its verdict, explanation and figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from memlab.claims.registry import papers
from memlab.numbers import bracketed
from memlab.reports import lookup_question, scoreboard_figures
from memlab.reports.blocks import (
    EVERYWHERE,
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
from memlab.reports.claim_lines import MARKS
from memlab.reports.scoreboard import Entry, Scoreboard, explanation
from memlab.reports.scoreboard_drawing import ConsoleFigure

EXPLAINED: Final = 4  # so many claims are explained on a console, of more there is the table


def blocks(board: Scoreboard) -> list[Block]:
    """The whole page."""
    return [*_opening(board), *_sections(board), *_controls(board), *_made_with(board)]


def counted(board: Scoreboard) -> str:
    """`20 supported, 2 not supported, 1 inconclusive, 14 not run`."""
    names = [entry.shown for entry in board.entries]
    return ", ".join(f"{names.count(name)} {name}" for name in MARKS if name in names)


def _opening(board: Scoreboard) -> Iterator[Block]:
    yield Heading(f"Replication, {board.size} size", 1)
    yield Paragraph(f"seeds {', '.join(map(str, board.seeds))}", "soft")
    yield Paragraph(counted(board), "verdict")
    if board.broken:
        names = ", ".join(board.broken)
        yield Paragraph(f"Supported on their control too, so they show nothing: {names}", "warning")


def _sections(board: Scoreboard) -> Iterator[Block]:
    few = len(board.entries) <= EXPLAINED
    for paper, title in papers([entry.claim for entry in board.entries]).items():
        entries = [entry for entry in board.entries if entry.claim.paper == paper]
        if not entries:
            continue
        yield Heading(title)
        if paper == lookup_question.PAPER:
            yield from _question(entries)
        yield _table(entries, "claim", [entry.claim.title for entry in entries])
        for entry in entries:
            told = tuple(_claim(entry, board.seeds))
            name, on = entry.claim.id, EVERYWHERE if few else PAGES
            yield Fold(f"{name}: {entry.claim.title}", told, opened=True, name=name, on=on)


def _question(entries: Sequence[Entry]) -> Iterator[Block]:
    """Lookup table or learner: the answer, and the network beside the others."""
    yield Paragraph(lookup_question.answer(entries), "verdict")
    learners = lookup_question.learners(entries)
    if learners:
        shown = tuple(bracketed(one.accuracy) for one in learners)
        labels = tuple(one.name for one in learners)
        column = Column("test accuracy [95 %]", shown, words=True)
        yield Table("on the same lies", labels, (column,), on=PAGES)


def _table(entries: Sequence[Entry], head: str, words: Sequence[str]) -> Table:
    tones = tuple(MARKS[entry.shown][1] for entry in entries)
    heads = [entry.headline for entry in entries]
    asked = tuple(one.rule.words if one is not None else "" for one in heads)
    seconds = tuple(f"{entry.seconds:.0f}" for entry in entries)
    return Table(
        "",
        tuple(entry.claim.id for entry in entries),
        (
            Column(head, tuple(words), words=True, wraps=True),
            Column("verdict", tuple(e.shown for e in entries), words=True, tones=tones),
            Column("effect [95 %]", tuple(map(_effect, entries)), words=True, wraps=True),
            Column("asked", asked, words=True, wraps=True),
            Column("seconds", seconds, spare=True),
        ),
        marks=tuple(MARKS[entry.shown] for entry in entries),
    )


def _effect(entry: Entry) -> str:
    """The deciding condition's effect, by name where it does not support; or why there is none."""
    head = entry.headline
    if head is None:
        return entry.reason
    named = "" if entry.verdict == "supported" else f", {head.label}"
    return f"{bracketed(head.effect)}{named}"


def _claim(entry: Entry, seeds: Sequence[int]) -> Iterator[Block]:
    claim, measured = entry.claim, entry.measured
    yield Paragraph(f"{claim.source}. Criterion: {claim.criterion}.", "soft")
    yield from (Paragraph(sentence) for sentence in explanation(entry, seeds))
    if measured is None:
        return
    yield Bullets(
        tuple(
            f"{one.verdict.verdict}: {one.label}: {bracketed(one.effect)}, asked {one.rule.words} "
            f"({one.effect.method}, n = {one.effect.n})"
            for one in measured.conditions
        )
    )
    if measured.panels:
        yield Figure(
            "",
            lambda: scoreboard_figures.figure(entry),
            f"{claim.source}. Mean over seeds with its 95 % t interval.",
            drawn=ConsoleFigure(measured.panels),
        )
    if entry.runs:
        yield Paragraph(f"Runs: {', '.join(entry.runs)}. Again:", "soft", on=PAGES)
    yield Code(f"memlab replicate {claim.id}", "sh", on=PAGES)


def _controls(board: Scoreboard) -> Iterator[Block]:
    run = [entry for entry in board.controls if entry.measured is not None]
    if board.controls:
        yield Heading("Controls", on=PAGES)
        yield Paragraph("Each claim again where it must not be supported.", on=PAGES)
        abouts = [e.claim.control.about if e.claim.control else "" for e in board.controls]
        table = _table(board.controls, "where", abouts)
        yield Table(table.corner, table.labels, table.columns, on=PAGES)
    if run and not board.broken:
        yield Paragraph(f"Controls: none of {len(run)} is supported, as it should be.", "soft")


def _made_with(board: Scoreboard) -> Iterator[Block]:
    yield Paragraph(f"{board.seconds:.0f} s of training and measuring in all.", "soft")
    if board.facts:
        yield Heading("Made with", on=PAGES)
        yield Facts(tuple(board.facts.items()), on=PAGES)
