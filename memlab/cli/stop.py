"""`memlab stop RUN`: asks a run's worker to save a checkpoint and end."""

from __future__ import annotations

import argparse

from memlab.cli.control import found, run_argument
from memlab.cli.output import tell


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Asks, and waits until it has happened."""
    import time

    from memlab.runs import lifecycle

    folder = found(options.run)
    lifecycle.request_stop(folder)
    while folder.state.living:
        time.sleep(0.05)
    tell(f"{folder.id} {folder.state.state}: {folder.state.message}")
    return 0
