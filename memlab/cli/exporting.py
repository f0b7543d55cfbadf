"""Writing a file that the command line names; one that is there goes only when that is wanted."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from memlab.cli.output import confirmed, say
from memlab.errors import FileIsThere
from memlab.export import export, target


def force_argument(parser: argparse.ArgumentParser) -> None:
    """Declares --force."""
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def agreed(path: Path, force: bool) -> bool:
    """Whether `path` may be replaced; asked on a terminal, before the work is done.

    Raises:
        FileIsThere: if a file is there and nobody agrees that it be replaced.
        ExportRefused, StorageError: as `memlab.export.target`.
    """
    try:
        target(path, replace=force)
    except FileIsThere as error:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise FileIsThere(f"{error} Add --force to replace it.") from error
        if not confirmed(f"{error} Replace it?"):
            raise FileIsThere("Nothing was written.") from error
        target(path, replace=True)
        return True
    return force


def written(path: Path, content: str | bytes, replace: bool, what: str) -> None:
    """Writes the content there and says so; `what` is what it holds. Raises as `export`."""
    data = content.encode() if isinstance(content, str) else content
    say(f"{what} written to {export(path, data, replace=replace)}.")
