"""`memlab fork RUN --at EPOCH --set key=value …`: the same run up to an epoch, then otherwise."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from memlab.cli.control import found, run_argument, settle_older
from memlab.cli.output import say
from memlab.library import consent

if TYPE_CHECKING:
    from memlab.runs.run_folder import RunFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser)
    consent.allow_argument(parser)
    parser.add_argument(
        "--at", type=float, required=True, metavar="EPOCH", help="the epoch of the fork"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="what is different from there on: learning_rate, batch_size, schedule, weight_decay "
        "or dropout",
    )
    parser.add_argument("--detach", action="store_true", help="print the new run's id and return")
    parser.add_argument("--json", action="store_true", help="print report.json alone")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: the settings', auto)")


def run(options: argparse.Namespace) -> int:
    """Starts the fork from the newest checkpoints before its epoch; follows it to its end."""
    from memlab.cli import follow
    from memlab.library.starting import fork_of

    settle_older()
    source = found(options.run)
    consent.allow(source, options.allow_code)

    def begin() -> RunFolder:
        folder = fork_of(source, options.at, options.set, options.device)
        say(f"{folder.id} is {source.id} up to epoch {options.at:g}.")
        return folder

    return follow.started(begin, as_json=options.json, detach=options.detach)
