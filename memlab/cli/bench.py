"""`memlab bench`: ratios against references, measured side by side in one process run."""

from __future__ import annotations

import argparse
import json

from memlab.cli.output import add_row, console, print_json, say
from memlab.errors import TrainingFailed


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("what", nargs="?", choices=("training", "instruments"), default="training")
    parser.add_argument("--repetitions", type=int, default=5, help="interleaved repetitions")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Measures in a process of its own, and prints the table."""
    from memlab import child

    say("Measuring; this takes about a minute. Leave the machine alone meanwhile.")
    words = ["-m", "memlab.bench", options.what, "--device", options.device]
    words += ["--repetitions", str(max(1, options.repetitions))]
    done = child.run(words, keep_errors=False)
    if done.returncode != 0:
        raise TrainingFailed("The benchmark failed; what it printed is above.")
    document = json.loads(done.stdout)
    if options.json:
        print_json(document)
        return 0
    from rich.table import Table

    machine = document["machine"]
    table = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
        title=f"{machine['device']}, torch {machine['torch']}",
        title_justify="left",
        caption=f"medians, in {document['rows'][0]['unit']}; a ratio above 1: ours is faster",
        caption_justify="left",
    )
    table.add_column("case: reference")
    for name in ("ours", "reference", "ratio", "least … greatest"):
        table.add_column(name, justify="right")
    for row in document["rows"]:
        low, high = row["spread"]
        add_row(
            table,
            row["case"],
            f"{row['ours']:,.4g}" if row["unit"] == "s" else f"{row['ours']:,}",
            f"{row['reference']:,.4g}" if row["unit"] == "s" else f"{row['reference']:,}",
            f"{row['ratio']:.2f}",
            f"{low:.2f} … {high:.2f}",
        )
    console().print(table)
    return 0
