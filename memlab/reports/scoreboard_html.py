"""The scoreboard as one self-contained HTML page, each claim with its figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from memlab.reports import html_page, lookup_question, scoreboard_figures
from memlab.reports.claims.registry import papers
from memlab.reports.scoreboard import Entry, Scoreboard, explanation, shown_interval
from memlab.reports.scoreboard_text import MARKS, counted
from memlab.text import lines

STYLE = """
.supported { color: #1f5c2e; } .not-supported { color: #a02020; }
.inconclusive { color: #7a5b00; } .not-run { color: #5c6068; }
td.words, td.words + td { white-space: normal; font-family: inherit; }
"""


def page(board: Scoreboard) -> str:
    """The whole page."""
    return lines("\n".join(_lines(board)) + "\n")


def _lines(board: Scoreboard) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Replication · memlab</title><style>{html_page.STYLE}{STYLE}</style></head>"
    seeds = ", ".join(map(str, board.seeds))
    yield f"<body><main><header><h1>Replication, {board.size} size</h1>"
    yield f"<p>seeds {seeds}</p></header>"
    yield f'<p class="verdict">{escape(counted(board))}</p>'
    if board.broken:
        yield f'<p class="warning">Supported on their control: {", ".join(board.broken)}</p>'
    for paper, title in papers([entry.claim for entry in board.entries]).items():
        entries = [entry for entry in board.entries if entry.claim.paper == paper]
        if entries:
            yield f"<h2>{escape(title)}</h2>"
            if paper == lookup_question.PAPER:
                yield from _question(entries)
            yield from _table(entries, "claim", [entry.claim.title for entry in entries])
            for entry in entries:
                yield from _claim(entry, board.seeds)
    if board.controls:
        yield "<h2>Controls</h2><p>Each claim again where it must not be supported.</p>"
        abouts = [e.claim.control.about if e.claim.control else "" for e in board.controls]
        yield from _table(board.controls, "where", abouts)
    yield "<h2>Made with</h2><dl>"
    facts = {**board.facts, "time": f"{board.seconds:.0f} s of training and measuring"}
    yield from (f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    yield "</dl></main></body></html>"


def _question(entries: Sequence[Entry]) -> Iterator[str]:
    """Lookup table or learner: the answer, and the network beside the others."""
    yield f'<p class="verdict">{escape(lookup_question.answer(entries))}</p>'
    learners = lookup_question.learners(entries)
    if not learners:
        return
    yield '<div class="scroll"><table><thead><tr><th>on the same lies</th>'
    yield "<th>test accuracy [95 %]</th></tr></thead><tbody>"
    for one in learners:
        accuracy = escape(shown_interval(one.accuracy))
        yield f"<tr><th>{escape(one.name)}</th><td>{accuracy}</td></tr>"
    yield "</tbody></table></div>"


def _table(entries: Sequence[Entry], head: str, words: Sequence[str]) -> Iterator[str]:
    heads = ("", head, "verdict", "effect [95 %]", "asked", "seconds")
    yield '<div class="scroll"><table><thead><tr>'
    yield "".join(f"<th>{name}</th>" for name in heads) + "</tr></thead><tbody>"
    for entry, text in zip(entries, words, strict=True):
        one = entry.headline
        effect = shown_interval(one.effect) if one is not None else ""
        asked = one.rule.words if one is not None else entry.reason
        letter, _ = MARKS[entry.shown]
        verdict = f'<td class="{entry.shown.replace(" ", "-")}">{letter} {entry.shown}</td>'
        cells = f'<td class="words">{escape(text)}</td>{verdict}<td>{escape(effect)}</td>'
        cells += f"<td>{escape(asked)}</td><td>{entry.seconds:.0f}</td>"
        yield f"<tr><th>{entry.claim.id}</th>{cells}</tr>"
    yield "</tbody></table></div>"


def _claim(entry: Entry, seeds: Sequence[int]) -> Iterator[str]:
    claim = entry.claim
    yield f'<details id="{claim.id}"><summary>{claim.id}: {escape(claim.title)}</summary>'
    yield from (f'<p class="words">{escape(text)}</p>' for text in explanation(entry, seeds))
    drawn = scoreboard_figures.figure(entry)
    if drawn:
        bars = "Mean over seeds with its 95 % t interval."
        yield f"<figure>{drawn}<figcaption>{escape(claim.source)}. {bars}</figcaption></figure>"
    if entry.measured is not None:
        yield '<ul class="notes">'
        for one in entry.measured.conditions:
            words = f"{one.label}: {shown_interval(one.effect)}, asked {one.rule.words}"
            yield f"<li>{one.verdict.verdict}: {escape(words)}</li>"
        yield "</ul>"
    yield f"<pre>memlab replicate {claim.id}</pre></details>"
