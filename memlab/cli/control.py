"""What `stop`, `resume` and `rm` share: naming runs on the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memlab.runs.run_folder import RunFolder


def run_argument(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Declares RUN."""
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="+" if several else None,
        help="a run's id, the start of one, or `last`",
    )


def found(name: str, readable: bool = True) -> RunFolder:
    """The run that `name` means; `readable` refuses one that is damaged or of a newer version.

    Raises:
        RunFolderError: if there is none, or more than one.
    """
    from memlab import settings
    from memlab.runs import run_folder

    return run_folder.find(settings.runs_folder(), name, readable=readable)
