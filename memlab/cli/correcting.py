"""`memlab suspects … --review` and `--apply`: from suspects to corrected data, and its gain."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.control import found
from memlab.cli.exporting import agreed
from memlab.cli.output import add_row, console, print_json, say
from memlab.errors import FileIsThere, InvalidDataset, InvalidExperiment

if TYPE_CHECKING:
    from memlab.library.correcting import Correction
    from memlab.library.correction_gain import Comparison, Gain
    from memlab.runs.run import Run
    from memlab.runs.run_folder import RunFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what `memlab suspects` takes for reviewing and correcting."""
    parser.add_argument(
        "--review", action="store_true", help="go through the suspects in the app, one key each"
    )
    parser.add_argument(
        "--apply",
        action="store_true",
        help="write a corrected copy of the data by the review, and measure what it gains",
    )
    parser.add_argument("--to", type=Path, metavar="FILE", help="where; default: NAME-corrected")
    parser.add_argument(
        "--unreviewed",
        action="store_true",
        help="with --apply: take the suggestions for all labels held for wrong that nobody "
        "looked at, too",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="with --apply: networks before and after, in pairs; 0 measures nothing (default: 10)",
    )


def wanted(options: argparse.Namespace) -> bool:
    """Whether reviewing or correcting is asked for.

    Raises:
        InvalidExperiment: if options are given that mean nothing without `--apply`.
    """
    if not options.apply and (options.to is not None or options.unreviewed):
        name = "--to" if options.to is not None else "--unreviewed"
        raise InvalidExperiment(f"{name} says how to write a corrected copy; add --apply.")
    if options.seeds is not None and (options.seeds < 0 or options.seeds == 1):
        raise InvalidExperiment(f"--seeds {options.seeds}: an interval needs two; 0 for none.")
    return bool(options.review or options.apply)


def run(options: argparse.Namespace) -> int:
    """Reviews the suspects of data or a run in the app, or applies what was said of them.

    Data that no committee has judged yet are judged first.
    """
    from memlab.library.reviewing import newest_judged
    from memlab.library.suspecting import data_name

    name = data_name(options.run)
    folder = found(options.run) if name is None else newest_judged(name)
    if folder is None:
        from memlab.cli import committee

        if options.detach:
            raise InvalidExperiment("With --detach nothing can be reviewed yet: ask again later.")
        code = committee.of_data(options, replace=False)
        folder = newest_judged(name or "")
        if code or folder is None:
            return code
    return _with(options, folder)


def _with(options: argparse.Namespace, folder: RunFolder) -> int:
    if options.review:
        _check(folder)
        from memlab.cli import app

        return app.run(open_run=folder.id, screen="report", review=True)
    return apply(options, folder)


def _check(folder: RunFolder) -> None:
    """Says before the app opens why there is nothing to review."""
    from memlab.reports.review_list import review_list
    from memlab.runs.origin import require_ours
    from memlab.runs.run import Run

    require_ours(folder, "reviewed")
    review_list(Run(folder))


def apply(options: argparse.Namespace, folder: RunFolder) -> int:
    """Writes the corrected copy, trains before and after, and prints what was gained."""
    from memlab.library import correcting
    from memlab.runs.run import Run

    made = correcting.correction(Run(folder), options.unreviewed)
    replace = _replaceable(options, made)
    damaged = made.labelled.review.damaged
    if damaged:
        lines = "1 line is" if damaged == 1 else f"{damaged} lines are"
        say(f"{lines} left out of the review, because nothing can be read from them.")
    path, what = correcting.save(made, options.to, replace)
    say(f"{what} written to {path}: {made.sentence()}.")
    found, code = _measured(options, made) if options.seeds != 0 else ([], 0)
    if options.json:
        print_json(
            {
                "written": str(path),
                "changed": made.changed,
                "dropped": made.dropped,
                "confirmed": made.confirmed,
                "unreviewed": made.unseen,
                "gains": [gain.document() for gain in found],
            }
        )
    elif found:
        _show(found, made)
    return code


def _replaceable(options: argparse.Namespace, made: Correction) -> bool:
    """Whether a file at the target may be replaced; asked before the work is done."""
    from memlab.library.correcting import default_target

    target = options.to or default_target(made.labelled)
    if target.is_dir():
        raise FileIsThere(f"{target} is there already; name another with --to.")
    return agreed(target, options.force)


def _measured(options: argparse.Namespace, made: Correction) -> tuple[list[Gain], int]:
    """What networks before and after it say, and the exit code; the files in between go again."""
    from memlab import settings
    from memlab.cli import follow
    from memlab.library import correction_gain, starting
    from memlab.runs import lifecycle
    from memlab.runs.run import Run

    begun: list[Run] = []
    seeds = correction_gain.SEEDS if options.seeds is None else options.seeds
    with tempfile.TemporaryDirectory(
        prefix="correction-", dir=settings.prepared(settings.data_folder())
    ) as folder:
        try:
            comparison = correction_gain.prepared(made, Path(folder), seeds)
            start = starting.checked(
                "before-and-after",
                comparison.experiment,
                options.device,
                code=lifecycle.require_code(made.labelled.run.folder),
            )
        except (InvalidDataset, InvalidExperiment) as error:
            told = str(error).replace(f"{folder}/", "")
            say(f"What the correction gains cannot be measured: {told}")
            return [], InvalidDataset.exit_code
        say(_what_is_trained(comparison, seeds))

        def begin() -> RunFolder:
            begun.append(Run(start.begin({"corrects": made.labelled.run.id})))
            return begun[0].folder

        code = follow.started(begin, as_json=False, show=lambda _: None)
        if code:
            return [], code
        return correction_gain.gains(comparison, begun[0]), 0


def _what_is_trained(comparison: Comparison, seeds: int) -> str:
    folds = len(comparison.folds)
    on = f"in {folds} folds" if folds else "on all training examples"
    networks = 2 * seeds * max(1, folds)
    return (
        f"Training {networks} networks {on}, before and after the correction, {seeds} seeds each."
    )


def _show(found: list[Gain], made: Correction) -> None:
    from rich.table import Table

    from memlab.numbers import count, plus_minus

    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("accuracy against", "examples", "before", "after", "gain"):
        table.add_column(title, justify="left" if title == "accuracy against" else "right")
    for gain in found:
        figures = [plus_minus(each, 4) for each in (gain.before, gain.after, gain.gain)]
        add_row(table, gain.against, count(gain.examples), *figures)
    out.print(table)
    for line in remarks(found, made):
        out.print(line, soft_wrap=True)


def remarks(found: list[Gain], made: Correction) -> list[str]:
    """What the figures mean, in sentences."""
    seeds = found[0].gain.n
    lines = [
        f"\nMeans over {seeds} seeds with 95 % intervals, for these examples; the gain is paired "
        "by seed."
    ]
    if len(found) == 1:
        lines.append("No review touched the test set.")
    else:
        lines.append(
            "Nothing was kept aside for testing, so each example was held out once. Against the "
            "original labels every mistake that was mended counts against the correction, against "
            "the reviewed ones its own opinion counts for it: neither alone is fair."
        )
    for gain in found:
        lines.append(f"Against {gain.against}: {verdict(gain)}")
    if made.unseen:
        lines.append(f"{made.unseen:,} labels were changed without a person having looked at them.")
    return lines


def verdict(gain: Gain) -> str:
    """Whether the correction helped, in a sentence."""
    from memlab.numbers import points

    change = points(gain.gain.mean)
    if not gain.gain.bounded or gain.gain.low <= 0.0 <= gain.gain.high:
        return "no difference beyond what the seeds make."
    return f"{change} {'gained' if gain.gain.mean > 0 else 'lost'}."
