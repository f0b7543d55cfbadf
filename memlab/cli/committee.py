"""`memlab suspects DATA`: a committee is trained on a file, judges its labels, and is shown."""

from __future__ import annotations

import argparse
import csv
import io
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli import follow
from memlab.cli.exporting import written
from memlab.cli.output import add_row, console, print_json, say
from memlab.errors import InvalidExperiment

if TYPE_CHECKING:
    from memlab.library.suspecting import Asked
    from memlab.reports.suspects_document import SuspectsFindings
    from memlab.runs.committee import Judgement
    from memlab.runs.run_folder import RunFolder

TOP = 50


def of_data(options: argparse.Namespace, replace: bool) -> int:
    """Trains the committee, follows it, and shows what it found."""
    from memlab.library import suspecting

    _refuse_ledger_options(options)
    if options.detach and options.export is not None:
        raise InvalidExperiment("With --detach nothing can be written yet: ask again afterwards.")
    asked = suspecting.asked(
        options.run, options.networks, options.model, options.label, options.set
    )
    _foretell(asked)
    return follow.started(
        lambda: suspecting.begin(asked, options.device),
        as_json=options.json,
        detach=options.detach,
        show=lambda folder: show(folder, options, replace),
    )


def _refuse_ledger_options(options: argparse.Namespace) -> None:
    for name, given in (
        ("--member", options.member is not None),
        ("--threshold", options.threshold),
        ("--score", options.score is not None),
    ):
        if given:
            raise InvalidExperiment(f"{name} is for a run with a ledger; a committee has none.")


def _foretell(asked: Asked) -> None:
    """What will be trained, and what it takes, before it begins."""
    from memlab.library.suspecting import price
    from memlab.numbers import percent, size

    made, cost = asked.experiment, price(asked)
    what = (
        f"{len(asked.raw.y):,} examples of {asked.raw.classes} classes: {asked.networks} networks, "
        f"each on its own {percent(made.dataset.subset)} of them for {made.stop.epochs:g} epochs"
    )
    if cost is None:
        say(f"{what}.")
    else:
        say(f"{what}: {cost.time}, {size(cost.memory)} of memory, {size(cost.disk)} on disk.")


def show(folder: RunFolder, options: argparse.Namespace, replace: bool) -> None:
    """Prints what the committee found, as a table or as JSON, and exports it."""
    from memlab.reports import committee as reports
    from memlab.reports.suspects_findings import twins
    from memlab.runs.committee import judged
    from memlab.runs.run import Run

    _refuse_ledger_options(options)
    run = Run(folder)
    found = judged(run)
    told = reports.summary(found, twins(run, found))
    order = [int(at) for at in found.ranked]
    listed = reports.held_for_wrong(found)[:TOP] if options.top is None else order[: options.top]
    rows = [reports.row(found, at) for at in listed]
    if options.export is not None:
        _export(options.export, found, order if options.top is None else listed, replace)
    if options.json:
        print_json({"run": folder.id, **told.model_dump(), "suspects": rows})
        return
    if rows:
        _table(rows)
    for line in _lines(options.run, folder, found, told, len(rows)):
        console().print(line, soft_wrap=True)


def _table(rows: list[dict[str, object]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    titles = {
        "index": "index", "file": "file", "given_label": "given", "suggested_label": "suggested",
        "confidence": "sure", "label_quality": "quality", "agreement": "agree",
        "true_label": "true",
    }  # fmt: skip
    shown = [name for name in titles if name in rows[0]]
    table.add_column("rank", justify="right")
    for name in shown:
        number = isinstance(rows[0][name], int | float)
        table.add_column(titles[name], justify="right" if number else "left", overflow="fold")
    for rank, row in enumerate(rows, 1):
        add_row(table, str(rank), *(_cell(row[name]) for name in shown))
    console().print(table)


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _lines(
    asked: str, folder: RunFolder, found: Judgement, told: SuspectsFindings, listed: int
) -> list[str]:
    from memlab.reports.committee import sentences

    lines = sentences(told)
    lines[0] = f"\n{lines[0]}" if listed else lines[0]
    more = told.issues - listed
    if listed and more > 0:
        lines.append(f"{more:,} more are held for wrong: --top {told.issues} lists them too.")
    if found.true_label is not None:
        wrong = found.true_label != found.given_label
        issues = found.is_label_issue
        hit = int((wrong & issues).sum())
        lines.append(
            f"Truth is known here: {hit:,} of the {told.issues:,} were corrupted, of "
            f"{int(wrong.sum()):,} in all."
        )
    if not told.issues and not listed:
        lines.append("--top 5 lists the five most suspicious.")
    lines.append(f"The index counts rows of {_source(found.dataset)} from 0. Run {folder.id}.")
    if told.issues:
        of = shlex.quote(asked)
        lines.append(
            f"Go through them, one key each: memlab suspects {of} --review. Then memlab suspects "
            f"{of} --apply writes a corrected copy and says what it gains."
        )
    return lines


def _source(dataset: str) -> str:
    kind, colon, path = dataset.partition(":")
    return f"array x of {path}" if colon and kind == "npz" else path if colon else dataset


def _export(path: Path, found: Judgement, order: list[int], replace: bool) -> None:
    from memlab.reports.committee import row

    rows = [{"rank": rank, **row(found, at)} for rank, at in enumerate(order, 1)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["rank"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    written(path, text.getvalue(), replace, f"{len(rows):,} examples")
