"""`memlab probe RUN`: instruments after the fact, from a run's checkpoints."""

from __future__ import annotations

import argparse
import json
from typing import Any

from memlab.cli.control import found, run_argument, settle_older
from memlab.cli.output import add_row, console, print_json, say
from memlab.errors import InvalidExperiment, TrainingFailed
from memlab.library import consent


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser)
    consent.allow_argument(parser)
    parser.add_argument(
        "--at", type=float, metavar="EPOCH", help="the checkpoint nearest to it; default: newest"
    )
    parser.add_argument(
        "--instrument",
        action="append",
        metavar="NAME",
        help="what to measure, may be given again; default: all that need no history",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Measures in a process of its own, and prints a table per instrument."""
    from memlab import child
    from memlab.runs.recorded import require_trained_here

    names = _names(options.instrument)
    settle_older()
    folder = found(options.run)
    require_trained_here(folder, "measured from checkpoints, which it has none of")
    consent.allow(folder, options.allow_code)
    words = ["-m", "memlab.worker.probe", str(folder.path.absolute())]
    words += ["--device", options.device]
    words += [] if options.at is None else ["--at", str(options.at)]
    for name in names:
        words += ["--instrument", name]
    say(f"Measuring {', '.join(names)} on {folder.id}.")
    done = child.run(words)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise TrainingFailed(lines[-1] if lines else "The measurement failed.")
    document = json.loads(done.stdout)
    if options.json:
        print_json(document)
        return 0
    for entry in document:
        _show(entry)
    return 0


def _names(wanted: list[str] | None) -> list[str]:
    """The instruments to ask; those that need every evaluation cannot be made up for later.

    Raises:
        InvalidExperiment: if one is not known, or needs the run's history.
    """
    from memlab.experiment import instruments

    if not wanted:
        return [n for n in instruments.known() if not instruments.instrument(n).every_evaluation]
    for name in wanted:
        if name not in instruments.known():
            raise InvalidExperiment(
                f"There is no instrument {name!r}. Known: {', '.join(instruments.known())}."
            )
        if instruments.instrument(name).every_evaluation:
            raise InvalidExperiment(
                f"{name} needs every evaluation of a run; switch it on before:"
                f" --set instruments.on={name}"
            )
    return wanted


def _show(entry: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from memlab.experiment.instruments import instrument

    out = console()
    for name, quantities in entry["instruments"].items():
        made = instrument(name)
        scalars = [q for q in made.quantities if not q.shape and q.name in quantities]
        out.print(Text(f"{made.title}, epoch {entry['epoch']:g}, update {entry['update']:,}"))
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("member", justify="right")
        for quantity in scalars:
            table.add_column(Text(quantity.name.replace("_", " ")), justify="right")
        for row, member in enumerate(entry["members"]):
            values = (quantities[q.name][row] for q in scalars)
            add_row(table, str(member), *("–" if v is None else f"{v:.4g}" for v in values))
        out.print(table)
        out.print()
    for name, reason in entry["failed"].items():
        out.print(Text(f"{name} could not measure: {reason}"))
