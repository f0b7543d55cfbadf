"""`memlab bench`: ratios against references, measured side by side in one process run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memlab.cli.output import add_row, console, print_json, say
from memlab.errors import TrainingFailed

#: What can be measured, and how long that takes on two cores.
WHAT = {
    "training": "about three minutes",
    "instruments": "about a minute",
    "recording": "about three minutes",
    "scaling": "about two minutes, with --most 10000 ten",
}


SIDES = ("ours", "reference")
SIZES = ("networks", "examples", "width", "epochs")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("what", nargs="?", choices=tuple(WHAT), default="training")
    parser.add_argument("--repetitions", type=int, default=3, help="interleaved repetitions")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--most", type=int, default=1000, help="scaling: up to so many networks")
    parser.add_argument("--epochs", type=int, default=5, help="scaling: epochs of each network")
    parser.add_argument("--svg", type=Path, metavar="FOLDER", help="scaling: draw the curves there")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Measures in a process of its own, and prints the table."""
    from memlab import child

    say(f"Measuring; this takes {WHAT[options.what]}. Leave the machine alone meanwhile.")
    words = ["-m", "memlab.bench", options.what, "--device", options.device]
    for name in ("repetitions", "most", "epochs"):
        words += [f"--{name}", str(max(1, getattr(options, name)))]
    done = child.run(words, keep_errors=False)
    if done.returncode != 0:
        raise TrainingFailed("The benchmark failed; what it printed is above.")
    document = json.loads(done.stdout)
    for line in document.get("missing", ()):
        say(line)
    if options.svg is not None and document.get("points"):
        _save(document["points"], options.svg)
    if options.json:
        print_json(document)
        return 0
    _show(document)
    return 0


def _show(document: Mapping[str, Any]) -> None:
    """The table, and below it the curves where there are any."""
    from rich.table import Table

    machine = document["machine"]
    table = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
        title=f"{machine['device']}, torch {machine['torch']}",
        title_justify="left",
        caption="medians; a ratio above 1: ours is better",
        caption_justify="left",
    )
    table.add_column("case: reference")
    for name in ("ours", "reference", "unit"):
        table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
    for name in ("ratio", "least … greatest"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in document["rows"]:
        low, high = row["spread"]
        figures = [
            f"{row[side]:,.4g}" if row[side] < 1e4 else f"{row[side]:,.0f}" for side in SIDES
        ]
        add_row(
            table, row["case"], *figures, row["unit"],
            f"{row['ratio']:.2f}", f"{low:.2f} … {high:.2f}",
        )  # fmt: skip
    console().print(table)
    if document.get("points"):
        _draw(document["points"])


def _draw(points: Sequence[Mapping[str, Any]]) -> None:
    """What each run cost, and a curve for each cost."""
    from rich.table import Table

    from memlab.reports.scaling_figures import COSTS, figures, panels
    from memlab.reports.scoreboard_drawing import ConsoleFigure

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in SIZES:
        table.add_column(name, justify="right")
    for cost in COSTS:
        table.add_column(cost.title, justify="right")
    for point in points:
        add_row(table, *(f"{point[name]:,}" for name in SIZES), *figures(point))
    console().print(table)
    for made in panels(points).values():
        console().print(ConsoleFigure(made))


def _save(points: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """`scaling-AGAINST.svg` for each curve.

    Raises:
        StorageError: if they cannot be written.
    """
    from memlab.atomic import storing, write_atomically
    from memlab.reports.scaling_figures import panels
    from memlab.reports.scoreboard_figures import side_by_side

    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for against, made in panels(points).items():
        path = folder / f"scaling-{against}.svg"
        name = f"scaling-{against}"
        write_atomically(path, side_by_side(made, name, f"cost against {against}").encode())
        say(f"Drawn: {path}")
