"""`memlab run PRESET_OR_FILE`: trains headless with live progress and prints the report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.output import confirmed
from memlab.errors import InvalidExperiment

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
    parser.add_argument("--detach", action="store_true", help="print the run's id and return")
    parser.add_argument("--json", action="store_true", help="print report.json alone")
    parser.add_argument("--yes", action="store_true", help="do not ask about large runs")


def run(options: argparse.Namespace) -> int:
    """Starts the run and follows it to its end."""
    from memlab import settings
    from memlab.cli import follow
    from memlab.experiment import presets, reading
    from memlab.runs import lifecycle
    from memlab.runs.environment import describe

    preset = presets.find(options.experiment, settings.presets_folder())
    experiment = reading.with_absolute_paths(preset.experiment(options.set), Path.cwd())
    if not options.yes:
        _confirm(experiment)
    chosen = options.device or settings.load().device
    check_device(chosen)
    _check_data(experiment)
    runs = settings.prepared(settings.runs_folder())
    environment = {**describe(sys.argv), "requested_device": chosen, "preset": preset.name}
    return follow.started(
        lambda: lifecycle.start(
            reading.to_toml(experiment), preset.name, runs, environment=environment
        ),
        as_json=options.json,
        detach=options.detach,
    )


def _check_data(experiment: Experiment) -> None:
    """Refuses what the data do not allow, before a run is made."""
    from memlab.cli.data import folders
    from memlab.data import preflight

    preflight.check(experiment, folders())


def check_device(name: str) -> None:
    """Refuses what can be no device before a run is made; the worker knows what is there."""
    import re

    from memlab.errors import DeviceUnavailable

    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        raise DeviceUnavailable(f"{name!r} is no device; use auto, cpu, cuda or cuda:N.")


def _confirm(experiment: Experiment) -> None:
    from memlab.experiment import cost, reading
    from memlab.experiment.grid import member_count

    members = member_count(experiment)
    if members > reading.CONFIRM_MEMBERS:
        _ask(f"This experiment trains {members:,} networks.")
        return
    estimate = cost.estimate(experiment)
    if estimate is not None and estimate.minutes > ASK_MINUTES:
        _ask(f"This experiment takes {estimate.sentence()}.")


def _ask(what: str) -> None:
    if not sys.stdin.isatty():
        raise InvalidExperiment(f"{what} Add --yes to run it all the same.")
    if not confirmed(f"{what} Run it?"):
        raise InvalidExperiment("Not started.")
