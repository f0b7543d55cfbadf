"""The report on a console: Rich, from 80 columns up, readable without colour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memlab.reports import palette
from memlab.reports.claim_lines import claim_lines
from memlab.reports.facts import made_with, setting, standing
from memlab.reports.findings import Findings
from memlab.reports.side_grid import SideGrid
from memlab.reports.side_table import cost, side_tables
from memlab.reports.table import Filled, filled, notes, row_labels
from memlab.text import plain

GAP = 2
WIDEST_LABEL = 30
WIDE = 100  # below, the accuracy on all training examples gives way to its two parts


@dataclass(frozen=True)
class ConsoleReport:
    """A renderable that lays its columns out for the console's width."""

    findings: Findings

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        findings = self.findings
        name = findings.title or findings.run
        yield Text(plain(name), style="bold")
        yield Text(plain(setting(findings)), style="dim")
        if findings.question:
            yield Text(plain(findings.question), style="italic")
        warning = standing(findings)
        if warning:
            yield Text(plain(warning), style="bold yellow")
        yield Text()
        for index, sentence in enumerate(findings.sentences):
            yield Text(plain(sentence), style="bold" if index == 0 else "")
        yield Text()
        yield from self._tables(options.max_width)
        yield from (Text(line, style="dim") for line in notes(findings))
        yield Text()
        yield from self._claims()
        yield from self._instruments()
        yield from self._facts()

    def _tables(self, width: int) -> Iterator[Text | Padding]:
        title, labels = row_labels(self.findings)
        columns = filled(self.findings, zero=False)
        if width < WIDE and any(column.column.key == "train_accuracy_clean" for column in columns):
            columns = [c for c in columns if c.column.key != "train_accuracy"]
        if not columns:
            return
        room = min(max(len(title), *map(len, labels)), WIDEST_LABEL if width < 120 else 48)
        for block in blocks(columns, width - room - 3 - GAP):
            groups = {column.column.group for column in block}
            if len(groups) == 1:
                yield Text(groups.pop(), style="dim")
            yield Padding(self._table(title, labels, block, room), (0, 0, 1, 0))

    def _table(self, title: str, labels: list[str], columns: list[Filled], room: int) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        table.add_column("", width=1)
        table.add_column(Text(title), max_width=room, overflow="fold")
        for column in columns:
            table.add_column(Text(column.title), no_wrap=True, min_width=column.width)
        colours = palette.ramp(len(labels))
        for index, label in enumerate(labels):
            mark = palette.SHAPES[index % len(palette.SHAPES)]
            cells = (Text(column.cells[index]) for column in columns)
            table.add_row(Text(mark, style=colours[index]), Text(plain(label)), *cells)
        return table

    def _claims(self) -> Iterator[Text]:
        for letter, line in claim_lines(self.findings):
            yield Text(plain(f"{letter}  {line}"), style="" if letter == "S" else "yellow")
        if self.findings.claims:
            yield Text()

    def _instruments(self) -> Iterator[Text | Padding]:
        title, labels = row_labels(self.findings)
        if said := cost(self.findings):
            yield Padding(Text(plain(said)), (0, 0, 1, 0))
        for made in side_tables(self.findings, zero=False):
            yield Text(plain(made.title), style="bold")
            yield Text(plain(made.about), style="dim")
            grid = SideGrid(made, title, [Text(plain(label)) for label in labels])
            yield Padding(grid, (0, 0, 1, 0))

    def _facts(self) -> Iterator[Table | Text]:
        if self.findings.problems:
            yield from (
                Text(plain(f"! {problem}"), style="yellow") for problem in self.findings.problems
            )
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in made_with(self.findings):
            grid.add_row(Text(plain(name)), Text(plain(value)))
        yield grid
        yield Text()
        yield Text("To run it again:", style="dim")
        yield Text(plain(self.findings.reproduce), overflow="fold")


def blocks(columns: list[Filled], width: int) -> list[list[Filled]]:
    """All columns side by side where they fit, else each group by itself, cut where it must be."""
    if _width(columns) <= width:
        return [columns]
    made: list[list[Filled]] = []
    for column in columns:
        last = made[-1] if made else None
        together = last is not None and last[0].column.group == column.column.group
        if last is not None and together and _width([*last, column]) <= width:
            last.append(column)
        else:
            made.append([column])
    return made


def _width(columns: list[Filled]) -> int:
    return sum(column.width + GAP for column in columns)
