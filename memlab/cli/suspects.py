"""`memlab suspects DATA_OR_RUN`: the examples of one's own data that are most surely mislabelled.

Of data, and of a run that was such a committee, `memlab.cli.committee` shows it; here is what the
ledger of any other run says.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli import correcting
from memlab.cli.control import found
from memlab.cli.exporting import agreed, force_argument, written
from memlab.cli.output import add_row, console, print_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from memlab.reports.aum_threshold import AreaThreshold
    from memlab.reports.suspects import Suspect
    from memlab.runs.example_scores import Labelling
    from memlab.runs.run_folder import RunFolder

TOP = 50
SCORE_NAMES = (
    "aum-until-best",
    "aum",
    "first-learned",
    "learned-for-good",
    "forgetting",
    "forgetting-sampled",
    "loss",
)
PICTURE_COLUMNS, PICTURE_ROWS = 16, 16


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "run",
        metavar="DATA_OR_RUN",
        help="a .npz or .csv file, a folder of pictures, a dataset; or a run's id, the start of "
        "one, or `last`",
    )
    parser.add_argument(
        "--top", type=_count, metavar="N", help=f"default: {TOP}, of data those held for wrong"
    )
    _committee_arguments(parser)
    parser.add_argument(
        "--threshold",
        action="store_true",
        help="list those below the threshold (all of them, unless --top is given), of a run made "
        "with --set dataset.fake_class=1,2",
    )
    parser.add_argument(
        "--score",
        choices=SCORE_NAMES,
        help=f"what to rank by; default: {SCORE_NAMES[0]}, the mean margin up to the best "
        "validation accuracy, low is suspect (aum: over all epochs)",
    )
    parser.add_argument(
        "--member",
        type=int,
        metavar="INDEX",
        help="judge the labels that this member was trained on, by all members that share them; "
        "default: the labels of most members",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--export", type=Path, metavar="FILE.csv", help="write the list there too")
    force_argument(parser)
    correcting.arguments(parser)


def _committee_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--networks", type=int, metavar="K", help="of data: how many; default: 40, of many fewer"
    )
    parser.add_argument("--model", metavar="NAME", help="of data: the network; default: mlp")
    parser.add_argument("--label", metavar="NAME", help="of a CSV file: the column of labels")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="of data: set a field"
    )
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: the settings', auto)")
    parser.add_argument("--detach", action="store_true", help="print the run's id and return")


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return count


def run(options: argparse.Namespace) -> int:
    """Ranks, prints, and exports; or goes on to reviewing and correcting."""
    if correcting.wanted(options):
        return correcting.run(options)
    replace = options.export is not None and agreed(options.export, options.force)
    from memlab.library.suspecting import data_name
    from memlab.runs.committee import is_committee
    from memlab.runs.run import Run

    if data_name(options.run) is not None:
        from memlab.cli import committee

        return committee.of_data(options, replace)
    folder = found(options.run)
    if not (_has_ledger(folder)) and is_committee(Run(folder)):
        from memlab.cli import committee

        committee.show(folder, options, replace)
        return 0
    return _of_ledger(folder, options, replace)


def _has_ledger(folder: RunFolder) -> bool:
    from memlab.runs.ledger import read_ledger

    return bool(read_ledger(folder))


def _of_ledger(folder: RunFolder, options: argparse.Namespace, replace: bool) -> int:
    from memlab.reports import suspects

    score = options.score or SCORE_NAMES[0]
    labelling, others = suspects.chosen(folder, options.member)
    threshold = suspects.threshold(labelling, score, options.threshold)
    rows = suspects.suspects(labelling, score, threshold)
    if options.threshold:
        rows = [row for row in rows if row.below]
    if options.top is not None or not options.threshold:
        rows = rows[: options.top or TOP]
    if options.export is not None:
        _export(options.export, rows, labelling, replace)
    if options.json:
        print_json([suspects.document(row, labelling) for row in rows])
        return 0
    _show(rows, labelling, score)
    for line in _remarks(rows, labelling, others, threshold):
        console().print(line, soft_wrap=True)
    return 0


def _export(path: Path, rows: Sequence[Suspect], labelling: Labelling, replace: bool) -> None:
    from memlab.reports.suspects import document as described
    from memlab.reports.suspects import named

    documents = [{"rank": row.rank, **described(row, labelling)} for row in rows]
    if labelling.truth_known:
        for document, row in zip(documents, rows, strict=True):
            document["true_label"] = named(row.true, labelling)
            document["corrupted"] = int(row.corrupted)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(
        text, list(documents[0]) if documents else ["rank"], lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(documents)
    written(path, text.getvalue(), replace, f"{len(rows)} examples")


def _show(rows: Sequence[Suspect], labelling: Labelling, score: str) -> None:
    from rich.table import Table

    from memlab.runs.example_scores import SCORES

    out = console()
    header = labelling.parts[0][0].header
    drawn = _pictures(out, rows, labelling)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("rank", justify="right")
    table.add_column("index", justify="right")
    if header.files is not None:
        table.add_column("file", overflow="fold")
    table.add_column("given")
    table.add_column("suggested")
    table.add_column(SCORES[score].title, justify="right")
    if labelling.truth_known:
        table.add_column("true")
    if drawn is not None:
        table.add_column("picture", no_wrap=True)
    for at, row in enumerate(rows):
        cells: list[str | Text] = [str(row.rank), str(row.index)]
        cells += [] if row.file is None else [row.file]
        cells.append(header.class_names[row.given])
        cells.append("-" if row.suggested is None else header.class_names[row.suggested])
        cells.append(f"{row.score:.3f}")
        cells += [header.class_names[row.true]] if labelling.truth_known else []
        cells += [] if drawn is None else [drawn[at]]
        add_row(table, *cells)
    out.print(table)


def _remarks(
    rows: Sequence[Suspect], labelling: Labelling, others: int, threshold: AreaThreshold | None
) -> list[str]:
    count = len(labelling.members)
    networks = "1 network" if count == 1 else f"{count} networks"
    lines = [f"\nJudged by {networks}; the index counts from 0 in {_source(labelling)}."]
    if others:
        lines.append(
            f"The run trained on {others + 1} different labellings; these are the labels of member "
            f"{labelling.members[0]} (--member chooses others)."
        )
    if threshold is not None:
        lines += _threshold_remarks(labelling, threshold)
    if labelling.truth_known and rows:
        wrong = [row for row in rows if row.corrupted]
        mended = sum(row.suggested == row.true for row in wrong)
        share = float(labelling.corrupted[labelling.judged].mean())
        lines.append(
            f"Truth is known here: {len(wrong)} of these {len(rows)} were corrupted (precision "
            f"{len(wrong) / len(rows):.2f}, by chance {share:.2f}); {mended} of the {len(wrong)} "
            "suggestions are the true label."
        )
        lines.append(_areas(labelling))
    return lines


def _areas(labelling: Labelling) -> str:
    """How well each score that was kept finds the corrupted examples."""
    from math import isnan

    from memlab.runs.example_scores import SCORES, detection, mean_scores

    told = []
    for name, score in SCORES.items():
        if any(map(isnan, mean_scores(labelling, name)[labelling.judged])):
            continue
        area = detection(labelling, name)
        told.append(f"{score.title} {area.auc:.3f} [{area.low:.3f}, {area.high:.3f}]")
    return "Area under the ROC curve for the corrupted ones, with 95 % intervals: " + (
        f"{', '.join(told)}."
    )


def _threshold_remarks(labelling: Labelling, threshold: AreaThreshold) -> list[str]:
    below, judged = threshold.below, labelling.judged
    count = int(below.sum())
    told = " and ".join(f"{value:.3f}" for value in threshold.values)
    one = len(threshold.values) == 1
    lines = [
        f"{count:,} of {int(judged.sum()):,} examples {'lies' if count == 1 else 'lie'} below the "
        f"threshold of {told} (99th percentile of {threshold.samples[0]:,} threshold samples"
        f"{'' if one else ' each'}; Pleiss 2020)."
    ]
    if not judged.all():
        lines.append(
            f"{int((~judged).sum()):,} examples are threshold samples themselves and not judged; "
            "--set dataset.fake_class=1,2 judges all."
        )
    if labelling.truth_known and count:
        wrong = labelling.corrupted & judged
        found = int((below & wrong).sum())
        lines.append(
            f"Truth is known here: {found:,} of those {count:,} were corrupted (precision "
            f"{found / count:.2f}), of {int(wrong.sum()):,} in all (recall "
            f"{found / max(1, int(wrong.sum())):.2f})."
        )
    return lines


def _source(labelling: Labelling) -> str:
    name = labelling.parts[0][0].header.dataset
    kind, colon, path = name.partition(":")
    return f"array x of {path}" if colon and kind == "npz" else name


def _pictures(out: Console, rows: Sequence[Suspect], labelling: Labelling) -> list[Text] | None:
    """Half-block pictures, one per row; None where there are none or the terminal has no greys."""
    from memlab.cli.pictures import drawn

    pictures = labelling.parts[0][0].pictures
    if pictures is None:
        return None
    made = [drawn(out, pictures[row.position], PICTURE_COLUMNS, PICTURE_ROWS) for row in rows]
    return [each for each in made if each is not None] if None not in made else None
