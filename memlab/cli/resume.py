"""`memlab resume RUN`: goes on from the newest checkpoint."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from memlab.cli.control import found, run_argument, settle_older
from memlab.cli.run import where_arguments
from memlab.library import consent

if TYPE_CHECKING:
    from memlab.runs.run_folder import RunFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser)
    where_arguments(parser)
    consent.allow_argument(parser)
    parser.add_argument("--detach", action="store_true", help="do not wait for the end")
    parser.add_argument(
        "--restart",
        action="store_true",
        help="where a checkpoint or a table cannot be read, train its networks again; what is "
        "there is kept beside",
    )
    parser.add_argument("--json", action="store_true", help="print report.json alone")


def run(options: argparse.Namespace) -> int:
    """Starts a new worker on the run and follows it; a paused one goes on."""
    from memlab.cli import follow
    from memlab.library.run import Run

    settle_older()
    folder = found(options.run)

    def begin() -> RunFolder:
        made = Run(folder)
        return made.resume(options.restart, options.on, options.shared, options.allow_code).folder

    return follow.started(begin, as_json=options.json, detach=options.detach)
