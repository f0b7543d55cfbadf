"""The scoreboard on a console: Rich, readable without colour by its letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from memlab.reports import lookup_question
from memlab.reports.claims.registry import papers
from memlab.reports.scoreboard import Entry, Scoreboard, explanation, shown_interval
from memlab.reports.scoreboard_drawing import ConsoleFigure

#: Verdict → its letter and its style.
MARKS: Final = {
    "supported": ("S", "green"),
    "not supported": ("N", "red"),
    "inconclusive": ("?", "yellow"),
    "not run": ("·", "dim"),
}
EXPLAINED: Final = 4


@dataclass(frozen=True, eq=False)
class ConsoleScoreboard:
    """A renderable; a few claims alone are explained in full."""

    board: Scoreboard

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        board = self.board
        yield Text(f"Replication, {board.size} size", style="bold")
        yield Text(f"seeds {', '.join(map(str, board.seeds))} · {counted(board)}", style="dim")
        yield Text()
        for paper, title in papers([entry.claim for entry in board.entries]).items():
            entries = [entry for entry in board.entries if entry.claim.paper == paper]
            if entries:
                yield Text(title, style="bold")
                if paper == lookup_question.PAPER:
                    yield Text(lookup_question.answer(entries))
                yield _table(entries, options.max_width)
                yield Text()
        if len(board.entries) <= EXPLAINED:
            yield from _explained(board)
        yield from _ending(board)


def counted(board: Scoreboard) -> str:
    """`20 supported, 2 not supported, 1 inconclusive, 14 not run`."""
    names = [entry.shown for entry in board.entries]
    return ", ".join(f"{names.count(name)} {name}" for name in MARKS if name in names)


def _table(entries: Sequence[Entry], width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", width=1)
    table.add_column("", no_wrap=True, width=3)
    table.add_column("claim", overflow="fold", ratio=2)
    table.add_column("verdict", no_wrap=True, width=13)
    table.add_column("effect [95 %]", overflow="fold", ratio=1, min_width=20)
    table.add_column("asked", overflow="fold", ratio=1, max_width=22)
    if width >= 100:
        table.add_column("s", justify="right", no_wrap=True, width=5)
    for entry in entries:
        letter, style = MARKS[entry.shown]
        head = entry.headline
        cells = [Text(letter, style=style), Text(entry.claim.id), Text(entry.claim.title)]
        cells.append(Text(entry.shown, style=style))
        if head is None:
            cells += [Text(entry.reason, style="dim"), Text("")]
        else:
            effect = Text(shown_interval(head.effect))
            if entry.verdict != "supported":
                effect.append(f"\n{head.label}", "dim")
            cells += [effect, Text(head.rule.words)]
        if width >= 100:
            cells.append(Text(f"{entry.seconds:.0f}" if entry.seconds else ""))
        table.add_row(*cells)
    return table


def _explained(board: Scoreboard) -> Iterator[Text | ConsoleFigure]:
    for entry in board.entries:
        yield Text(f"{entry.claim.id}  {entry.claim.title}", style="bold")
        yield from (Text(f"  {sentence}") for sentence in explanation(entry, board.seeds))
        for one in entry.measured.conditions if entry.measured is not None else ():
            letter, style = MARKS[one.verdict.verdict]
            line = Text(f"  {letter} ", style=style)
            line.append(f"{one.label}: {shown_interval(one.effect)}, asked {one.rule.words}", "dim")
            yield line
        if entry.measured is not None and entry.measured.panels:
            yield Text()
            yield ConsoleFigure(entry.measured.panels)
        yield Text()


def _ending(board: Scoreboard) -> Iterator[Text]:
    run = [entry for entry in board.controls if entry.measured is not None]
    if run and not board.broken:
        yield Text(f"Controls: none of {len(run)} is supported, as it should be.", style="dim")
    for name in board.broken:
        yield Text(f"! {name} is supported on its control too, so it shows nothing.", style="red")
    yield Text(f"{board.seconds:.0f} s of training and measuring in all.", style="dim")
