"""`memlab watch RUN`: follows a run, in the app on a terminal, else as lines."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from memlab.cli.control import found, run_argument


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser, by_path=True)
    parser.add_argument("--plain", action="store_true", help="a progress line, not the app")


def run(options: argparse.Namespace) -> int:
    """Opens the run in the app's Watch, or follows it in lines."""
    from memlab import settings

    folder = found(options.run, by_path=True)
    folder.experiment_toml()
    here = folder.path.parent == Path(os.path.abspath(settings.runs_folder()))
    if here and not options.plain and sys.stdin.isatty() and sys.stdout.isatty():
        from memlab.cli import app

        return app.run(open_run=folder.id, screen="watch")
    from memlab.cli import follow

    return follow.watched(folder)
