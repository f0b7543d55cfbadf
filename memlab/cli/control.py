"""What `stop`, `resume` and `rm` share: naming runs on the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from memlab.cli.output import confirmed

if TYPE_CHECKING:
    from memlab.runs.run_folder import RunFolder


def run_argument(
    parser: argparse.ArgumentParser, count: str | None = None, by_path: bool = False
) -> None:
    """Declares RUN, `+` or `*` of them; `by_path` takes a path to a run's folder too."""
    path = ", or the path of a run's folder" if by_path else ""
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs=count,
        help=f"a run's id, the start of one, or `last`{path}",
    )


def found(name: str, readable: bool = True, by_path: bool = False) -> RunFolder:
    """The run that `name` means; `readable` refuses one that is damaged or of a newer version.

    Args:
        by_path: take the path of a run's folder too.

    Raises:
        RunFolderError: if there is none, or more than one.
    """
    from memlab import settings
    from memlab.runs import run_folder

    return run_folder.find(settings.runs_folder(), name, readable=readable, by_path=by_path)


def settle_older() -> None:
    """Asks once whether the runs from before the registry were made here; registers them if so."""
    import sys

    from memlab import settings
    from memlab.runs import lifecycle
    from memlab.runs.origin import Registry

    runs = settings.runs_folder()
    older = lifecycle.unsettled(runs)
    if not older or not sys.stdin.isatty():
        return
    told = f"{older} runs in {runs} are from before memlab noted who made them."
    if confirmed(f"{told} Are they yours?"):
        lifecycle.adopt_all(runs, older_only=True)
    else:
        Registry.of(runs).settle()
