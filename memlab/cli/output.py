"""What commands print: one JSON document or a table on standard output, all else on error.

The only module of the command line that prints: whatever goes out passes `memlab.text` here.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from memlab.strict_json import dumps
from memlab.text import LINE, lines, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def any_encoding() -> None:
    """Lets a terminal that is not UTF-8 show `?` for what it does not know, in place of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def print_json(document: object) -> None:
    """One JSON document and nothing else."""
    sys.stdout.write(dumps(document, indent=2) + "\n")


def console(error: bool = False) -> Console:
    """A Rich console on standard output or error; plain text where that is a pipe."""
    from memlab.cli.plain_console import PlainConsole

    made = PlainConsole(stderr=error)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = 120
    return made


def add_row(table: Table, *cells: str | Text) -> None:
    """A row of one line a cell, as far as there is room."""
    table.add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in cells))


def page(text: str) -> None:
    """A document of many lines on standard output."""
    sys.stdout.write(lines(text))


def tell(text: str) -> None:
    """A fact, one line on standard output."""
    sys.stdout.write(plain(text) + "\n")


def say(text: str) -> None:
    """A line for the person, on standard error."""
    _warn(plain(text) + "\n")


def complain(text: str) -> None:
    """An error, on standard error; some have a list below their first line."""
    _warn(lines(text, LINE) + "\n")


def confirmed(question: str) -> bool:
    """Asks on standard error; whether the person says yes."""
    _warn(f"{plain(question)} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _warn(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
