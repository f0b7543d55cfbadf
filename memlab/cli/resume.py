"""`memlab resume RUN`: goes on from the newest checkpoint."""

from __future__ import annotations

import argparse

from memlab.cli.control import found, run_argument, settle_older
from memlab.cli.output import tell


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser)
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
    from memlab.runs import lifecycle

    settle_older()
    folder = found(options.run)
    if folder.state.state == "paused":
        lifecycle.request(folder, "resume")
    else:
        lifecycle.resume(folder, restart=options.restart)
    if options.detach:
        tell(folder.id)
        return 0
    return follow.to_the_end(folder, as_json=options.json)
