"""`memlab stop RUN`: asks a run's worker to save a checkpoint and end."""

from __future__ import annotations

import argparse
from math import isfinite

from memlab.cli import stopping
from memlab.cli.control import found, run_argument
from memlab.cli.output import tell


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser)
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=stopping.WAIT_SECONDS,
        metavar="SECONDS",
        help=f"how long to wait until it has stopped (default: {stopping.WAIT_SECONDS:g})",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not isfinite(seconds) or seconds < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0")
    return seconds


def run(options: argparse.Namespace) -> int:
    """Asks, and waits until it has happened; 1 where it does not, and the request stays."""
    from memlab.runs import lifecycle

    folder = found(options.run)
    lifecycle.request_stop(folder)
    if not stopping.ended(folder, options.wait):
        return 1
    tell(f"{folder.id} {folder.state.state}: {folder.state.message}")
    return 0
