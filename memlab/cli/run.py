"""`memlab run PRESET_OR_FILE`: trains headless with live progress and prints the report."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from memlab.cli.output import confirmed
from memlab.errors import InvalidExperiment
from memlab.library import consent

if TYPE_CHECKING:
    from memlab.experiment.spec import Experiment

ASK_MINUTES = 10.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("experiment", metavar="PRESET_OR_FILE", help="a preset's name or a file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a field; several values (0,0.2 or 0:1:0.2) make an axis; repeatable",
    )
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: the settings', auto)")
    parser.add_argument(
        "--plan", metavar="FILE", help="train in the stacks and threads of another run's plan.json"
    )
    where_arguments(parser)
    consent.allow_argument(parser)
    parser.add_argument("--detach", action="store_true", help="print the run's id and return")
    parser.add_argument("--json", action="store_true", help="print report.json alone")
    parser.add_argument("--yes", action="store_true", help="do not ask about large runs")


def where_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares where a run trains."""
    parser.add_argument(
        "--on",
        metavar="ENGINE",
        help="processes (default), ray (a cluster of RAY_ADDRESS, or one for this run), or "
        "ray://HOST:PORT",
    )
    parser.add_argument(
        "--shared",
        metavar="PATH",
        help="a folder that all machines of the cluster see: what they train goes through it",
    )


def run(options: argparse.Namespace) -> int:
    """Starts the run and follows it to its end."""
    from memlab.cli import follow
    from memlab.library import starting

    name, experiment = starting.experiment_of(options.experiment, options.set)
    if not options.yes:
        _confirm(experiment)
    where = starting.checked_where(options.on, options.shared)
    own = consent.consent_to(options.set, options.allow_code, options.experiment)
    start = starting.checked(name, experiment, options.device, options.plan, where, own)
    return follow.started(
        lambda: start.begin({"preset": name}), as_json=options.json, detach=options.detach
    )


def _confirm(experiment: Experiment) -> None:
    from memlab.experiment import cost, reading
    from memlab.experiment.grid import member_count
    from memlab.runs import calibration

    members = member_count(experiment)
    if members > reading.CONFIRM_MEMBERS:
        _ask(f"This experiment trains {members:,} networks.")
        return
    estimate = cost.expected(experiment, "cpu", calibration.load_kind("cpu"))
    if estimate is not None and estimate.minutes > ASK_MINUTES:
        _ask(f"This experiment takes {estimate.sentence()}.")


def _ask(what: str) -> None:
    if not sys.stdin.isatty():
        raise InvalidExperiment(f"{what} Add --yes to run it all the same.")
    if not confirmed(f"{what} Run it?"):
        raise InvalidExperiment("Not started.")
