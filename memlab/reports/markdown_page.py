"""The report as Markdown, for papers, issues and notebooks."""

from __future__ import annotations

from collections.abc import Iterator

from memlab.reports.claim_lines import claim_lines
from memlab.reports.facts import experiment_toml, made_with, setting, standing
from memlab.reports.findings import Findings
from memlab.reports.side_table import cost, side_tables
from memlab.reports.table import EARLY, TRAINING, UNSEEN, Filled, filled, notes, row_labels
from memlab.text import lines


def page(findings: Findings) -> str:
    """The whole report; ends with a line break."""
    return lines("\n".join(_lines(findings)) + "\n")


def _lines(findings: Findings) -> Iterator[str]:
    yield f"# {escaped(findings.title or findings.run)}"
    yield ""
    if findings.question:
        yield f"*{escaped(findings.question)}*"
        yield ""
    if warning := standing(findings):
        yield f"> {escaped(warning)}"
        yield ""
    for index, sentence in enumerate(findings.sentences):
        yield f"**{escaped(sentence)}**" if index == 0 else escaped(sentence)
        yield ""
    columns = filled(findings)
    for group in (TRAINING, UNSEEN, EARLY):
        part = [column for column in columns if column.column.group == group]
        if part:
            yield f"## {group[0].upper()}{group[1:]}"
            yield ""
            yield from _table(findings, part)
            yield ""
    yield from (f"- {escaped(line)}" for line in notes(findings))
    yield ""
    yield from _claims(findings)
    yield from _instruments(findings)
    yield "## The experiment"
    yield ""
    yield f"- run: `{findings.run.replace('`', chr(39))}`"
    yield f"- {escaped(setting(findings))}"
    yield from (f"- {name}: {escaped(value)}" for name, value in made_with(findings))
    yield from (f"- damaged: {escaped(problem)}" for problem in findings.problems)
    yield ""
    yield "To run it again:"
    yield ""
    yield from _fenced("sh", findings.reproduce)
    yield ""
    yield from _fenced("toml", experiment_toml(findings).rstrip())


def _claims(findings: Findings) -> Iterator[str]:
    if findings.claims:
        yield "## Claims"
        yield ""
        yield from (f"- {escaped(line)}" for _, line in claim_lines(findings))
        yield ""


def _instruments(findings: Findings) -> Iterator[str]:
    title, labels = row_labels(findings)
    if said := cost(findings):
        yield from (escaped(said), "")
    for made in side_tables(findings):
        yield f"## {escaped(made.title[:1].upper() + made.title[1:])}"
        yield ""
        yield escaped(made.about)
        yield ""
        heads = [escaped(title) or " ", *map(escaped, made.heads)]
        yield f"| {' | '.join(heads)} |"
        yield f"| --- |{' ---: |' * len(made.heads)}"
        for label, cells in zip(labels, made.cells, strict=False):
            yield f"| {' | '.join([escaped(label), *cells])} |"
        yield ""


def _table(findings: Findings, columns: list[Filled]) -> Iterator[str]:
    title, labels = row_labels(findings)
    labels = [escaped(label) for label in labels]
    title = escaped(title) or " "
    first = max(len(title), *map(len, labels))
    cells = [title.ljust(first), *(column.title.ljust(column.width) for column in columns)]
    yield f"| {' | '.join(cells)} |"
    rules = ["-" * max(3, first), *("-" * (column.width - 1) + ":" for column in columns)]
    yield f"| {' | '.join(rules)} |"
    for index, label in enumerate(labels):
        values = [column.cells[index].ljust(column.width) for column in columns]
        yield f"| {' | '.join([label.ljust(first), *values])} |"


def _fenced(language: str, text: str) -> Iterator[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    yield from (f"{fence}{language}", text, fence)


def escaped(text: str) -> str:
    """Text with Markdown's own characters made harmless, on one line."""
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
