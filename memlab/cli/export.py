"""`memlab export RUN --to csv|parquet|npz`: what a run measured, for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from memlab.cli.control import found, run_argument
from memlab.cli.exporting import agreed, force_argument, written


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser, by_path=True)
    parser.add_argument(
        "--to",
        choices=("csv", "parquet", "npz"),
        required=True,
        help="csv or parquet: a row for each network and evaluation; npz: arrays of networks × "
        "evaluations, with those of the instruments",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: RUN.csv, here")
    force_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the file; one that is there is replaced only when that is wanted."""
    from memlab.library.exporting import FORMATS
    from memlab.library.run import Run

    opened = Run(found(options.run, by_path=True))
    path = options.out or Path(f"{opened.id}.{options.to}")
    replace = agreed(path, options.force)
    written(path, FORMATS[options.to](opened), replace, f"{opened.id}")
    return 0
