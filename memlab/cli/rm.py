"""`memlab rm RUN…`: deletes runs that do not live."""

from __future__ import annotations

import argparse
import sys

from memlab.cli.control import found, run_argument
from memlab.cli.output import confirmed, say, tell
from memlab.errors import RunFolderError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser, count="+")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(options: argparse.Namespace) -> int:
    """Asks once, showing what goes, then deletes."""
    from memlab.runs import lifecycle

    folders = [found(name, readable=False) for name in options.run]
    for folder in folders:
        if folder.state.living:
            raise RunFolderError(f"{folder.id} is {folder.state.state}; stop it before deleting.")
    if not options.yes:
        for folder in folders:
            size = lifecycle.size_on_disk(folder) / 1e6
            say(f"{folder.id}  {folder.state.state}  {size:.1f} MB")
        if not sys.stdin.isatty():
            raise RunFolderError("Nothing was deleted: without a terminal, add --yes.")
        if not confirmed("Delete?"):
            say("Nothing was deleted.")
            return 0
    for folder in folders:
        freed = lifecycle.delete(folder)
        tell(f"{folder.id} deleted, {freed / 1e6:.1f} MB freed")
    return 0
