"""The report's section on wrong labels, in blocks for every renderer."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from memlab.numbers import IMPOSSIBLE, percent, stated
from memlab.reports.blocks import Block, Code, Column, Heading, Paragraph, Table
from memlab.reports.committee import details, weakness
from memlab.reports.findings import Findings
from memlab.reports.suspects_document import SuspectsFindings, Wrong

SHOWN, SHOWN_CLASSES = 20, 20
LEAST_SHOWN = 0.005
GO_THROUGH = (
    "To go through them, one key each (y is right, n takes the suggestion), in the app's Report r, "
    "or:"
)
THEN = "Then, to write a corrected copy, and to see what it gains:"


def suspects_section(findings: Findings) -> Iterator[Block]:
    """Nothing where the run judged no labels. What stands first is among the report's sentences."""
    told = findings.suspects
    if told is None:
        return
    yield Heading("Which labels are wrong")
    if told.issues:
        yield _first(told)
    yield _counts(told)
    if told.matrix is not None and len(told.matrix) <= SHOWN_CLASSES:
        yield _matrix(told.class_names, told.matrix)
    yield from (Paragraph(line) for line in details(told))
    if told.issues:
        run = shlex.quote(findings.run)
        yield Paragraph(GO_THROUGH, "soft")
        yield Code(f"memlab suspects {run} --review", "sh")
        yield Paragraph(THEN, "soft")
        yield Code(f"memlab suspects {run} --apply", "sh")


def _first(told: SuspectsFindings) -> Table:
    rows = told.suspects[:SHOWN]
    columns = [
        Column("given", tuple(row.given_label for row in rows), words=True),
        Column("suggested", tuple(row.suggested_label for row in rows), words=True),
        Column("sure", tuple(_number(row.confidence) for row in rows)),
        Column("quality", tuple(_number(row.label_quality) for row in rows)),
        Column("agree", tuple(_number(row.agreement) for row in rows), spare=True),
    ]
    if any(row.true_label is not None for row in rows):
        columns.append(Column("true", tuple(row.true_label or "" for row in rows), words=True))
    if any(row.file is not None for row in rows):
        columns.append(Column("file", tuple(row.file or "" for row in rows), words=True))
    more = told.issues - len(rows)
    return Table(
        "index",
        tuple(str(row.index) for row in rows),
        tuple(columns),
        title="The most suspicious labels",
        about="Sure: the suggestion's probability by networks that had not seen the example; "
        "quality is low where a label is suspicious"
        + (f". {more:,} more are held for wrong." if more else "."),
    )


def _counts(told: SuspectsFindings) -> Table:
    counts = [("confident learning", told.wrong)]
    if told.below is not None:
        counts.append(("a fake class", told.below))
    return Table(
        "estimated by",
        tuple(name for name, _ in counts),
        (
            Column("look wrong", tuple(f"{count.value:,.0f}" for _, count in counts)),
            Column("wrong, between", tuple(_ends(count) for _, count in counts)),
        ),
        title="How many labels are wrong",
        about=f"Confident learning: Northcutt 2021; a fake class: Pleiss 2020. {weakness(told)}",
    )


def _ends(count: Wrong) -> str:
    return f"{count.low:,.0f} and {count.high:,.0f}"


def _matrix(names: list[str], matrix: list[list[float]]) -> Table:
    return Table(
        "given",
        tuple(names),
        tuple(
            Column(
                name, tuple(percent(row[at]) if row[at] >= LEAST_SHOWN else "·" for row in matrix)
            )
            for at, name in enumerate(names)
        ),
        title="Noise matrix",
        about="Of the examples given a class (row), the share that seems to be of each (column).",
    )


def _share(value: float) -> str:
    return percent(value) if value >= LEAST_SHOWN else "·"


def _number(value: float | None) -> str:
    return IMPOSSIBLE if value is None else stated(value, 3)
