"""`memlab data [list·fetch·verify]`: datasets, where they were found, and how to get them."""

from __future__ import annotations

import argparse
from pathlib import Path

from memlab.cli.output import console, print_json, say
from memlab.errors import InvalidExperiment


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("action", nargs="?", choices=("list", "fetch", "verify"), default="list")
    parser.add_argument("names", nargs="*", metavar="NAME", help="datasets to fetch or verify")
    parser.add_argument("--json", action="store_true", help="print JSON")


def folders() -> list[Path]:
    """Where datasets are looked for; downloads go to the first."""
    from memlab import settings

    return [settings.datasets_folder(), *settings.load().dataset_folders_found()]


def run(options: argparse.Namespace) -> int:
    """Lists, fetches or verifies."""
    if options.action == "list":
        return _list(options.json)
    if not options.names:
        raise InvalidExperiment(f"memlab data {options.action} needs a dataset's name.")
    for name in options.names:
        if options.action == "fetch":
            _fetch(name)
        else:
            _verify(name)
    return 0


def _list(as_json: bool) -> int:
    from memlab.data.registry import listing

    rows = listing(folders())
    if as_json:
        print_json(rows)
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("dataset", "what it is", "classes", "download", "found"):
        table.add_column(name, justify="right" if name in ("classes", "download") else "left")
    for row in rows:
        size = f"{row['download_bytes'] / 1e6:.0f} MB" if row["download_bytes"] else ""
        classes = "" if row["classes"] is None else str(row["classes"])
        table.add_row(row["name"], row["about"], classes, size, row["where"] or "no")
    console().print(table)
    return 0


def _fetch(name: str) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from memlab import settings
    from memlab.data.registry import fetch

    output = console(error=True)
    settings.prepared(settings.datasets_folder())
    columns = (TextColumn(name), BarColumn(), DownloadColumn())
    with Progress(*columns, console=output, transient=True, disable=not output.is_terminal) as bar:
        task = bar.add_task(name, total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        found = fetch(name, folders(), told)
    say(found)


def _verify(name: str) -> None:
    from memlab.data.registry import verify

    print(verify(name, folders()))
