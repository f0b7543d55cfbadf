"""`memlab runs`: all runs, newest first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from memlab.cli.output import add_row, console, print_json

if TYPE_CHECKING:
    from memlab.runs.run_folder import RunFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Lists the runs with their states; one that came from elsewhere is a guest."""
    from memlab import settings
    from memlab.runs import run_folder

    rows = [_row(folder) for folder in run_folder.list_runs(settings.runs_folder())]
    if options.json:
        print_json(rows)
        return 0
    if not rows:
        console(error=True).print("No runs yet: `memlab run noise-ladder` makes the first.")
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", no_wrap=True)
    table.add_column("state")
    table.add_column("MB", justify="right")
    table.add_column("message")
    for row in rows:
        size = f"{float(str(row['bytes'])) / 1e6:.1f}"
        said = f"{row['state']} (guest)" if row["guest"] else str(row["state"])
        own = [f"{name}: {how}" for name, how in (row.get("own_networks") or {}).items()]
        told = [str(row["message"])] if row["message"] else []
        add_row(table, str(row["id"]), said, size, "; ".join([*told, *own]))
    console().print(table)
    return 0


def _row(folder: RunFolder) -> dict[str, Any]:
    from memlab.runs import lifecycle, origin
    from memlab.runs.environment import own_networks

    state = folder.state
    own = own_networks(folder.environment())
    return {
        "id": folder.id,
        "state": state.state,
        "living": state.living,
        "message": state.message,
        "guest": not origin.is_ours(folder),
        "device": state.device,
        **({"own_networks": own} if own else {}),
        "bytes": lifecycle.size_on_disk(folder),
        "path": str(folder.path),
    }
