"""The scoreboard as Markdown, for docs/replication.md and issues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memlab.reports import lookup_question
from memlab.reports.claims.registry import papers
from memlab.reports.markdown_page import escaped
from memlab.reports.scoreboard import Entry, Scoreboard, explanation, shown_interval
from memlab.reports.scoreboard_text import counted
from memlab.text import lines


def page(board: Scoreboard) -> str:
    """The whole page; ends with a line break."""
    return lines("\n".join(_lines(board)) + "\n")


def _lines(board: Scoreboard) -> Iterator[str]:
    yield "# Replication"
    yield ""
    yield f"{counted(board).capitalize()}. Size: {board.size}; seeds: "
    yield f"{', '.join(map(str, board.seeds))}; {board.seconds:.0f} s of training and measuring."
    yield ""
    yield from (f"- {name}: {escaped(value)}" for name, value in board.facts.items())
    yield ""
    for paper, title in papers([entry.claim for entry in board.entries]).items():
        entries = [entry for entry in board.entries if entry.claim.paper == paper]
        if entries:
            yield f"## {escaped(title)}"
            yield ""
            if paper == lookup_question.PAPER:
                yield from _question(entries)
            yield from _table(entries)
            yield ""
            for entry in entries:
                yield from _claim(entry, board.seeds)
    yield "## Controls"
    yield ""
    yield "Each claim again where it must not be supported."
    yield ""
    yield "| claim | where | verdict | effect, 95 % interval | asked |"
    yield "| --- | --- | --- | ---: | --- |"
    for entry in board.controls:
        assert entry.claim.control is not None
        about = escaped(entry.claim.control.about)
        yield f"| {entry.claim.id} | {about} | {entry.shown} | {_effect(entry)} | {_asked(entry)} |"
    yield ""
    if board.broken:
        yield f"**Broken: {', '.join(board.broken)}, supported on their control.**"


def _question(entries: Sequence[Entry]) -> Iterator[str]:
    """Lookup table or learner: the answer, and the network beside the others."""
    yield f"**{escaped(lookup_question.answer(entries))}**"
    yield ""
    learners = lookup_question.learners(entries)
    if learners:
        yield "| on the same lies | test accuracy, 95 % interval |"
        yield "| --- | ---: |"
        for one in learners:
            yield f"| {escaped(one.name)} | {escaped(shown_interval(one.accuracy))} |"
        yield ""


def _table(entries: Sequence[Entry]) -> Iterator[str]:
    yield "| claim | | verdict | effect, 95 % interval | asked | seconds |"
    yield "| --- | --- | --- | ---: | --- | ---: |"
    for entry in entries:
        claim = entry.claim
        cells = (claim.id, escaped(claim.title), f"**{entry.shown}**", _effect(entry))
        yield f"| {' | '.join(cells)} | {_asked(entry)} | {entry.seconds:.0f} |"


def _claim(entry: Entry, seeds: Sequence[int]) -> Iterator[str]:
    claim = entry.claim
    yield f"### {claim.id}: {escaped(claim.title)}"
    yield ""
    yield f"*{escaped(claim.source)}.* Criterion: {escaped(claim.criterion)}."
    yield ""
    yield " ".join(escaped(sentence) for sentence in explanation(entry, seeds))
    yield ""
    if entry.measured is not None:
        for one in entry.measured.conditions:
            effect = shown_interval(one.effect)
            made = f"{one.effect.method}, n = {one.effect.n}"
            words = f"{one.label}: {effect}, asked {one.rule.words} ({made})"
            yield f"- {one.verdict.verdict}: {escaped(words)}"
        yield ""
        names = ", ".join(f"`{run}`" for run in entry.runs)
        yield f"Again: `memlab replicate {claim.id}`. {'Runs: ' + names if names else ''}".rstrip()
        yield ""


def _effect(entry: Entry) -> str:
    head = entry.headline
    return escaped(shown_interval(head.effect)) if head is not None else ""


def _asked(entry: Entry) -> str:
    head = entry.headline
    return escaped(head.rule.words if head is not None else entry.reason)
