"""`memlab watch RUN`: follows a run, in the app on a terminal, else as lines."""

from __future__ import annotations

import argparse
import sys

from memlab.cli.control import found, run_argument


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser)
    parser.add_argument("--plain", action="store_true", help="a progress line, not the app")


def run(options: argparse.Namespace) -> int:
    """Opens the run in the app's Watch, or follows it in lines."""
    folder = found(options.run)
    folder.experiment_toml()
    if not options.plain and sys.stdin.isatty() and sys.stdout.isatty():
        from memlab.cli import app

        return app.run(open_run=folder.id, screen="watch")
    from memlab.cli import follow

    return follow.watched(folder)
