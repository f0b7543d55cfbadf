"""`memlab memorize DATA_OR_PRESET`: who is memorized, and whom does it help, by retraining."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.exporting import agreed, force_argument, written
from memlab.cli.output import say
from memlab.cli.run import where_arguments
from memlab.errors import InvalidExperiment
from memlab.library.consent import allow_argument

if TYPE_CHECKING:
    from memlab.library.memorizing import Wanted
    from memlab.runs.run_folder import RunFolder

NETWORKS = 2000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "data",
        metavar="DATA_OR_PRESET",
        help="a dataset, a .npz file, a folder of pictures, a preset, an experiment file",
    )
    parser.add_argument(
        "--networks",
        type=int,
        default=NETWORKS,
        metavar="K",
        help=f"default: {NETWORKS}; those that an earlier run trained are not trained again",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="set a field; repeatable"
    )
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: the settings', auto)")
    where_arguments(parser)
    allow_argument(parser)
    parser.add_argument("--detach", action="store_true", help="print the run's id and return")
    parser.add_argument("--json", action="store_true", help="print report.json alone")
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FILE.npz",
        help="write masks, correctness and margins of all networks there",
    )
    parser.add_argument(
        "--matrix",
        type=Path,
        metavar="FILE.npy",
        help="write the influence of every pair there, by margin, float16",
    )
    force_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Trains what is missing, follows it, and prints the findings."""
    from memlab.cli import follow
    from memlab.library import memorizing, starting

    if options.detach and _files(options):
        raise InvalidExperiment("With --detach nothing can be written yet: ask again afterwards.")
    files = {path: agreed(path, options.force) for path in _files(options)}
    where = starting.checked_where(options.on, options.shared)
    asked = memorizing.wanted(options.data, options.networks, options.set, options.allow_code)
    if asked.experiment is None:
        assert asked.earlier is not None
        say(f"{asked.earlier.id} has all {asked.networks:,} networks.")
        code = follow.watched(asked.earlier, options.json)
        _write(options, asked.earlier, files)
        return code
    _tell(asked)
    begun: list[RunFolder] = []

    def begin() -> RunFolder:
        begun.append(memorizing.begin(asked, options.device, where))
        return begun[0]

    code = follow.started(begin, as_json=options.json, detach=options.detach)
    if code == 0 and not options.detach:
        _write(options, begun[0], files)
    return code


def _files(options: argparse.Namespace) -> list[Path]:
    return [path for path in (options.export, options.matrix) if path is not None]


def _tell(asked: Wanted) -> None:
    """What will be trained, and what it takes."""
    from memlab.library.memorizing import price
    from memlab.numbers import percent, size

    made = asked.experiment
    assert made is not None
    more = "" if asked.earlier is None else f" more, beside those of {asked.earlier.id}"
    what = f"{asked.missing:,} networks{more}, each on its own {percent(made.dataset.subset)}"
    cost = price(made)
    if cost is None:
        say(f"{what} of the training examples.")
    else:
        say(f"{what} of the training examples: {cost.sentence()}; {size(cost.disk)} on disk.")


def _write(options: argparse.Namespace, folder: RunFolder, files: dict[Path, bool]) -> None:
    from memlab.library import memorizing

    if not files:
        return
    found = memorizing.outcomes(folder)
    networks = f"{found.networks:,} networks"
    if options.export is not None:
        written(options.export, memorizing.archive(found), files[options.export], networks)
    if options.matrix is not None:
        data = memorizing.influence_matrix(found, margin=True)
        written(options.matrix, data, files[options.matrix], f"Influence over {networks}")
