"""`memlab compare RUN RUN…`: runs against the first, cell by cell, paired over their seeds."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from memlab.cli.control import found, run_argument
from memlab.cli.output import add_row, console, print_json, tell

if TYPE_CHECKING:
    from memlab.library.comparison import Shown


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser, count="+", by_path=True)
    parser.add_argument("--json", action="store_true", help="print JSON, with every quantity")


def run(options: argparse.Namespace) -> int:
    """Compares and prints."""
    from memlab.library import comparison
    from memlab.library.run import Run

    runs = [Run(found(name, by_path=True)) for name in options.run]
    found_rows = comparison.compared(runs)
    if options.json:
        print_json(list(found_rows))
        return 0
    for (other, first), lines in groupby(
        comparison.shown(found_rows), key=lambda line: (line.run, line.against)
    ):
        tell(f"{other} minus {first}")
        _show(lines)
    for remark in comparison.remarks(runs):
        tell(remark)
    return 0


def _show(lines: Iterable[Shown]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("cell", "", "first", "other", "difference", "seeds"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("cell", "") else "right")
    last = None
    for line in lines:
        cell, last = ("" if line.cell == last else line.cell), line.cell
        add_row(table, cell, line.title, line.first, line.other, line.difference, line.seeds)
    console().print(table)
    tell("")
