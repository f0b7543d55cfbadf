"""`memlab import tensorboard|csv PATH`: makes a run to look at of a log that is there already."""

from __future__ import annotations

import argparse
from pathlib import Path

from memlab.cli.output import print_json, say, tell

LONGEST = 12  # names that are told


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("kind", choices=("tensorboard", "csv"), help="what the log is")
    parser.add_argument(
        "path",
        type=Path,
        metavar="PATH",
        help="a table with a line of names; an event file, or a folder of event files",
    )
    parser.add_argument("--name", help="the run's title (default: the file's name)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Makes the run, prints its id, and says what of the log it shows as what."""
    from memlab.experiment.metrics import METRICS
    from memlab.library.importing import imported

    made = imported(options.kind, options.path, options.name)
    if options.json:
        print_json(
            {
                "id": made.folder.id,
                "path": str(made.folder.path),
                "metrics": list(made.metrics),
                "logged": list(made.logged),
                "left_out": list(made.left_out),
                "back": list(made.back),
            }
        )
        return 0
    tell(made.folder.id)
    if made.metrics:
        say(f"Shown: {', '.join(METRICS[name].title for name in made.metrics)}.")
    if made.logged:
        say(f"Kept under their own names: {_listed(made.logged)}.")
    if made.left_out:
        say(f"Left out, because there are too many: {_listed(made.left_out)}.")
    if made.back:
        more = f" and {len(made.back) - 1:,} more" if len(made.back) > 1 else ""
        say(
            f"The steps go back in line {made.back[0]}{more}: an attempt that went on from before; "
            "the latest is shown."
        )
    say(f"`memlab watch {made.folder.id}` shows it.")
    return 0


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:LONGEST])
    return shown if len(names) <= LONGEST else f"{shown} and {len(names) - LONGEST} more"
