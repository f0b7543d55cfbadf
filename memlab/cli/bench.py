"""`memlab bench`: ratios against references, measured side by side in one process run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.cli.output import add_row, console, print_json, say
from memlab.errors import InvalidExperiment, TrainingFailed

if TYPE_CHECKING:
    from rich.table import Table

#: What can be measured, and how long that takes on two cores.
WHAT = {
    "training": "about three minutes",
    "instruments": "several minutes",
    "recording": "about three minutes",
    "scaling": "about two minutes, with --most 10000 ten",
    "suspects": "hours; --data digits --noise labels-pair --replicates 203-204 two minutes",
}
#: Options of `memlab bench suspects`, which the bench's own process checks.
SUSPECTS = ("data", "noise", "rate", "replicates", "first", "networks", "examples")


SIDES = ("ours", "reference")
CELL_COLUMNS = {
    "average_precision": "av. precision",
    "auroc": "AUROC",
    "first_50": "first 50",
    "missed": "missed",
    "false_alarms": "false",
    "seconds": "s",
}
SIZES = ("networks", "examples", "width", "epochs")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("what", nargs="?", choices=tuple(WHAT), default="training")
    parser.add_argument("--repetitions", type=int, default=3, help="interleaved repetitions")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--most", type=int, default=1000, help="scaling: up to so many networks")
    parser.add_argument("--epochs", type=int, default=5, help="scaling: epochs of each network")
    parser.add_argument("--svg", type=Path, metavar="FOLDER", help="scaling: draw the curves there")
    _suspects_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _suspects_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        action="append",
        choices=("digits", "fashion-mnist", "mnist1d"),
        help="suspects: only these data; repeatable",
    )
    parser.add_argument(
        "--noise",
        action="append",
        choices=("none", "labels", "labels-pair", "labels-class", "labels-near"),
        help="suspects: only this noise; repeatable",
    )
    parser.add_argument(
        "--rate", action="append", type=float, help="suspects: only this share of wrong labels"
    )
    parser.add_argument(
        "--replicates",
        type=_replicates,
        metavar="N or A-B",
        help="suspects: how many, default 5, or which, such as 203-207",
    )
    parser.add_argument("--first", type=int, help="suspects: the first replicate, default 200")
    parser.add_argument(
        "--join",
        action="append",
        type=Path,
        metavar="PART.json",
        help="suspects: measure nothing, but put parts together that --json printed; repeatable",
    )
    parser.add_argument("--networks", type=int, help="suspects: as many on both sides")
    parser.add_argument("--examples", type=int, help="suspects: so many of each dataset")


def _replicates(text: str) -> tuple[int, int | None]:
    """How many, and the first where it is named: `5`, `203-207`."""
    first, dash, last = text.partition("-")
    try:
        low, high = int(first), int(last or first)
    except ValueError:
        low, high = 0, -1
    if low < 0 or high < low or (not dash and low < 1):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of replicates nor A-B")
    return (high - low + 1, low) if dash else (low, None)


def run(options: argparse.Namespace) -> int:
    """Measures in a process of its own, and prints the table."""
    from memlab import child

    _check(options)
    if not options.join:
        say(f"Measuring; this takes {WHAT[options.what]}. Leave the machine alone meanwhile.")
    words = ["-m", "memlab.bench", options.what, "--device", options.device]
    for name in ("repetitions", "most", "epochs"):
        words += [f"--{name}", str(max(1, getattr(options, name)))]
    if options.what == "suspects":
        words += _suspects_words(options)
    done = child.run(words, keep_errors=False)
    if done.returncode != 0:
        raise TrainingFailed("The benchmark failed; what it printed is above.")
    document = json.loads(done.stdout)
    for line in document.get("missing", ()):
        say(line)
    if options.svg is not None and document.get("points"):
        _save(document["points"], options.svg)
    if options.json:
        print_json(document)
        return 0
    if document.get("cells"):
        _show_cells(document)
    else:
        _show(document)
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuses what means nothing, or cannot be read, before a process is started.

    Raises:
        InvalidExperiment: in a sentence.
    """
    parts = options.join or ()
    if parts and options.what != "suspects":
        raise InvalidExperiment("--join puts parts of `memlab bench suspects` together.")
    for path in parts:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidExperiment(f"{path} cannot be read as JSON.") from error
        if not isinstance(found, dict) or not isinstance(found.get("found"), list):
            raise InvalidExperiment(
                f"{path} is nothing that `memlab bench suspects --json` printed."
            )
    if options.replicates is not None:
        count, first = options.replicates
        if first is not None and options.first not in (None, first):
            raise InvalidExperiment(
                f"--replicates {first}-{first + count - 1} names the first; leave --first out."
            )


def _suspects_words(options: argparse.Namespace) -> list[str]:
    words = []
    given = {name: getattr(options, name) for name in SUSPECTS}
    if options.replicates is not None:
        given["replicates"], first = options.replicates
        given["first"] = options.first if first is None else first
    given["join"] = [path.absolute() for path in options.join or ()]
    for name, value in given.items():
        for each in value if isinstance(value, list) else [] if value is None else [value]:
            words += [f"--{name}", str(each)]
    return words


def _table(document: Mapping[str, Any], caption: str) -> Table:
    """A table without rows, headed by the machine."""
    from rich.table import Table

    machine = document["machine"]
    return Table(
        box=None,
        pad_edge=False,
        header_style="bold",
        title=f"{machine['device']}, torch {machine['torch']}",
        title_justify="left",
        caption=caption,
        caption_justify="left",
    )


def _show_cells(document: Mapping[str, Any]) -> None:
    """A table of all methods for each kind of noise."""
    table = _table(
        document,
        "means over replicates ± half their 95 % interval; false: share held for wrong, where no "
        "label is",
    )
    for name in ("data", "noise", "method"):
        table.add_column(name, no_wrap=True)
    for name in CELL_COLUMNS.values():
        table.add_column(name, justify="right", no_wrap=True)
    for cell in document["cells"]:
        noise = f"{cell['noise']} {cell['rate']:.0%}" if cell["rate"] else cell["noise"]
        figures = [_figure(cell[name], name) for name in CELL_COLUMNS]
        add_row(table, cell["data"], noise, cell["method"], *figures)
    console().print(table)


def _figure(estimate: Mapping[str, Any], name: str) -> str:
    mean, ends = estimate["mean"], estimate["ci95"]
    if mean is None:
        return "–"
    if name == "seconds":
        return f"{mean:.1f}"
    return f"{mean:.3f}" if ends is None else f"{mean:.3f} ± {(ends[1] - ends[0]) / 2:.3f}"


def _show(document: Mapping[str, Any]) -> None:
    """The table, and below it the curves where there are any."""
    weighed = any(any(row.get("memory", ())) for row in document["rows"])
    caption = "medians; a ratio above 1: ours is better"
    if weighed:
        caption += "; MB: the most that ours and the reference held beside what was there before"
    table = _table(document, caption)
    table.add_column("case: reference")
    for name in ("ours", "reference", "unit"):
        table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
    for name in ("ratio", "least … greatest"):
        table.add_column(name, justify="right", no_wrap=True)
    if weighed:
        table.add_column("MB", justify="right", no_wrap=True)
    for row in document["rows"]:
        low, high = row["spread"]
        figures = [
            f"{row[side]:,.4g}" if row[side] < 1e4 else f"{row[side]:,.0f}" for side in SIDES
        ]
        add_row(
            table, row["case"], *figures, row["unit"],
            f"{row['ratio']:.2f}", f"{low:.2f} … {high:.2f}", *_memory(row, weighed),
        )  # fmt: skip
    console().print(table)
    if document.get("points"):
        _draw(document["points"])


def _memory(row: Mapping[str, Any], weighed: bool) -> list[str]:
    """The cell of the column that is there where anything was weighed."""
    sizes = row.get("memory", ())
    known = [f"{size / 1e6:,.0f}" for size in sizes if size is not None]
    return [" : ".join(known) if len(known) == 2 else "–"] if weighed else []


def _draw(points: Sequence[Mapping[str, Any]]) -> None:
    """What each run cost, and a curve for each cost."""
    from rich.table import Table

    from memlab.reports.scaling_figures import COSTS, figures, panels
    from memlab.reports.scoreboard_drawing import ConsoleFigure

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in SIZES:
        table.add_column(name, justify="right")
    for cost in COSTS:
        table.add_column(cost.title, justify="right")
    for point in points:
        add_row(table, *(f"{point[name]:,}" for name in SIZES), *figures(point))
    console().print(table)
    for made in panels(points).values():
        console().print(ConsoleFigure(made))


def _save(points: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """`scaling-AGAINST.svg` for each curve.

    Raises:
        StorageError: if they cannot be written.
    """
    from memlab.atomic import storing, write_atomically
    from memlab.reports.scaling_figures import panels
    from memlab.reports.scoreboard_figures import side_by_side

    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for against, made in panels(points).items():
        path = folder / f"scaling-{against}.svg"
        name = f"scaling-{against}"
        write_atomically(path, side_by_side(made, name, f"cost against {against}").encode())
        say(f"Drawn: {path}")
