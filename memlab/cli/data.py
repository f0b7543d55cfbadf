"""`memlab data [list·fetch·verify]`: datasets, where they were found, and how to get them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from memlab.cli.output import add_row, console, print_json, tell
from memlab.errors import InvalidExperiment


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("action", nargs="?", choices=("list", "fetch", "verify"), default="list")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="datasets to list, fetch or verify"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def folders() -> list[Path]:
    """Where datasets are looked for; downloads go to the first."""
    from memlab import settings

    return settings.dataset_folders()


def run(options: argparse.Namespace) -> int:
    """Lists, fetches or verifies."""
    if options.action == "list":
        return _list(options.names, options.json)
    if not options.names:
        raise InvalidExperiment(f"memlab data {options.action} needs a dataset's name.")
    act = _fetched if options.action == "fetch" else _verified
    done = []
    for name in options.names:
        done.append({"name": name, "result": act(name)})
        if not options.json:
            tell(done[-1]["result"])
    if options.json:
        print_json(done)
    return 0


def _list(names: Sequence[str], as_json: bool) -> int:
    from memlab.data.registry import find, listing

    wanted = {find(name).name for name in names}
    rows = [row for row in listing(folders()) if not wanted or row["name"] in wanted]
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
        found = row["where"] or "no"
        add_row(table, row["name"], row["about"], classes, size, found)
    console().print(table)
    return 0


def _fetched(name: str) -> str:
    """Brings the dataset, with a progress bar on standard error; where it is now, in words."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from memlab import settings
    from memlab.data.registry import fetch, find

    if find(name).download_bytes:
        settings.prepared(settings.datasets_folder())
    output = console(error=True)
    columns = (TextColumn(name, markup=False), BarColumn(), DownloadColumn())
    with Progress(*columns, console=output, transient=True, disable=not output.is_terminal) as bar:
        task = bar.add_task(name, total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        return fetch(name, folders(), told)


def _verified(name: str) -> str:
    from memlab.data.registry import verify

    return verify(name, folders())
