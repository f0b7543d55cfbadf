"""`memlab adopt RUN…`: lets runs from elsewhere be resumed, forked and reused."""

from __future__ import annotations

import argparse

from memlab.cli.control import found, run_argument
from memlab.cli.output import say, tell
from memlab.errors import InvalidExperiment
from memlab.library import consent


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser, count="*", by_path=True)
    consent.allow_argument(parser)
    parser.add_argument("--all", action="store_true", help="every run in the runs folder")


def run(options: argparse.Namespace) -> int:
    """Adopts each; a folder that lies elsewhere is copied into the runs folder first."""
    from memlab import settings
    from memlab.runs import lifecycle, origin

    runs = settings.prepared(settings.runs_folder())
    if options.all and options.allow_code:
        raise InvalidExperiment("Code is agreed to for one run at a time, not with --all.")
    if options.all:
        adopted, refused = lifecycle.adopt_all(runs)
        for reason in refused:
            say(reason)
        tell(f"{len(adopted)} adopted, {len(refused)} not")
        return 1 if refused else 0
    if not options.run:
        raise InvalidExperiment("adopt needs a run: its id, or the path of its folder; or --all.")
    for name in options.run:
        folder = found(name, by_path=True)
        if origin.is_ours(folder):
            tell(f"{folder.id} is one of yours already")
        else:
            folder = lifecycle.adopt(folder, runs)
            tell(f"{folder.id} adopted")
        consent.allow(folder, options.allow_code)
    return 0
