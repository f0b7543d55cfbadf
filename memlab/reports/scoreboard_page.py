"""The scoreboard as blocks: every claim with its verdict, explanation and figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from memlab.reports.scoreboard import Entry, Scoreboard
from memlab.reports.scoreboard_chance import adjusted, after_holm
from memlab.reports.scoreboard_comparison import panels_of
from memlab.reports.scoreboard_drawing import ConsoleFigure
from memlab.reports.scoreboard_words import (
    check_words,
    condition_words,
    error_rate,
    explanation,
    first_lines,
    history_words,
    power_words,
    span,
)

EXPLAINED: Final = 4  # so many claims are explained on a console, of more there is the table


def blocks(board: Scoreboard) -> list[Block]:
    """The whole page."""
    return [
        *_opening(board),
        *_sections(board),
        *_checks(board),
        *_errors(board),
        *_made_with(board),
    ]


def _opening(board: Scoreboard) -> Iterator[Block]:
    yield Heading(f"Replication, {board.size} size", 1)
    first, *rest = first_lines(board)
    yield Paragraph(first, "verdict")
    yield from (Paragraph(line) for line in rest)
    yield Paragraph(f"replicates {span(board.replicates)}", "soft")


def _sections(board: Scoreboard) -> Iterator[Block]:
    few, ps = len(board.entries) <= EXPLAINED, adjusted(board.entries)
    for paper, title in papers([entry.claim for entry in board.entries]).items():
        entries = [entry for entry in board.entries if entry.claim.paper == paper]
        if not entries:
            continue
        yield Heading(title)
        if paper == lookup_question.PAPER:
            yield from _question(board.entries)
        yield _table(entries, ps)
        for entry in entries:
            told = tuple(_claim(entry, board.replicates))
            name, on = entry.claim.id, EVERYWHERE if few else PAGES
            yield Fold(f"{name}: {entry.claim.title}", told, opened=True, name=name, on=on)


def _question(entries: Sequence[Entry]) -> Iterator[Block]:
    """Lookup table or learner: the answer, what each claim says, the network beside the others."""
    yield Paragraph(lookup_question.answer(entries), "verdict")
    cases = lookup_question.cases(entries)
    yield Table(
        "lookup table or learner",
        tuple(case.entry.claim.id for case in cases),
        (
            Column("says", tuple(lookup_question.TOLD[case.side] for case in cases), words=True),
            Column("namely", tuple(case.words for case in cases), words=True, wraps=True),
            Column("effect [95 %]", tuple(case.effect for case in cases), words=True, wraps=True),
        ),
        marks=tuple(MARKS[case.entry.shown] for case in cases),
        on=PAGES,
    )
    learners = lookup_question.learners(entries)
    if learners:
        shown = tuple(bracketed(one.accuracy) for one in learners)
        labels = tuple(one.name for one in learners)
        column = Column("test accuracy [95 %]", shown, words=True)
        yield Table("on the same lies", labels, (column,), on=PAGES)


def _table(entries: Sequence[Entry], ps: Mapping[str, float]) -> Table:
    tones = tuple(MARKS[entry.shown][1] for entry in entries)
    heads = [entry.headline for entry in entries]
    asked = tuple(one.rule.words if one is not None else "" for one in heads)
    seconds = tuple(f"{entry.seconds:.0f}" for entry in entries)
    after = tuple(after_holm(entry, ps.get(entry.claim.id)) for entry in entries)
    return Table(
        "",
        tuple(entry.claim.id for entry in entries),
        (
            Column("claim", tuple(e.claim.title for e in entries), words=True, wraps=True),
            Column("verdict", tuple(e.shown for e in entries), words=True, tones=tones, wraps=True),
            Column("after Holm", after, words=True, wraps=True, spare=True),
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


def _claim(entry: Entry, replicates: Sequence[int]) -> Iterator[Block]:
    claim, measured = entry.claim, entry.measured
    yield Paragraph(f"{claim.source}. Criterion: {claim.criterion}.", "soft")
    yield from (Paragraph(sentence) for sentence in explanation(entry, replicates))
    if measured is None:
        return
    yield Bullets(tuple(_conditions(entry)))
    panels = panels_of(entry)
    if panels:
        yield Figure(
            "",
            lambda: scoreboard_figures.figure(entry),
            f"{claim.source}. Mean over replicates with its 95 % t interval.",
            drawn=ConsoleFigure(panels),
        )
    if told := power_words(entry):
        yield Paragraph(f"Power: {told}", "soft")
    if changes := history_words(entry):
        yield Paragraph("The criterion was changed after board data had been seen:")
        yield Bullets(changes)
    if entry.runs:
        yield Paragraph(f"Runs: {', '.join(entry.runs)}. Again:", "soft", on=PAGES)
    yield Code(f"memlab replicate {claim.id}", "sh", on=PAGES)


def _conditions(entry: Entry) -> Iterator[str]:
    """Each condition of the claim, then of its control, the contrast and the calibrations."""
    arms = [entry.own, *([entry.control] if entry.control else []), *entry.calibrations]
    for arm in arms:
        where = "" if arm.kind == "claim" else f"{arm.kind}, {arm.about}: "
        if arm.measured is None and arm.kind != "claim":
            yield f"{where}not run, {arm.reason}"
        for one in arm.measured.conditions if arm.measured is not None else ():
            yield f"{where}{condition_words(one)}"
        if arm.kind == "control" and entry.judgement is not None and entry.judgement.contrast:
            yield f"contrast: {condition_words(entry.judgement.contrast)}"


def _errors(board: Scoreboard) -> Iterator[Block]:
    said = error_rate(board)
    if said:
        yield Heading("How far to trust this board", on=PAGES)
        yield from (Paragraph(line, on=PAGES) for line in said)
    changed = [(e.claim, change) for e in board.entries for change in e.claim.history]
    if changed:
        yield Heading("Criteria that were changed", on=PAGES)
        yield Bullets(
            tuple(
                f"{claim.id}, {one.date}: “{one.old}” became “{one.new}”, because "
                f"{one.why.rstrip('.')}."
                for claim, one in changed
            ),
            on=PAGES,
        )


def _checks(board: Scoreboard) -> Iterator[Block]:
    if not board.checks:
        return
    yield Heading("Checks")
    yield Paragraph("Theorems and arithmetic: no claims, and not counted among them.", "soft")
    yield Bullets(tuple(check_words(one) for one in board.checks))


def _made_with(board: Scoreboard) -> Iterator[Block]:
    yield Paragraph(f"{board.seconds:.0f} s of training and measuring in all.", "soft")
    if board.facts:
        yield Heading("Made with", on=PAGES)
        yield Facts(tuple(board.facts.items()), on=PAGES)
