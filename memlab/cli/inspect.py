"""`memlab inspect RUN INDEX`: one example's life, as the run recorded it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from memlab.cli.control import found, run_argument
from memlab.cli.output import add_row, console, print_json
from memlab.errors import InvalidExperiment

if TYPE_CHECKING:
    from rich.text import Text

    from memlab.runs.example_life import Band, Life
    from memlab.runs.examples import Examples

SHOWN, WIDTH = 60, 48
PICTURE_COLUMNS, PICTURE_ROWS = 28, 28


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser)
    parser.add_argument(
        "index",
        metavar="INDEX",
        type=int,
        nargs="?",
        help="the example's row in the dataset's training file, from 0",
    )
    parser.add_argument(
        "--test", action="store_true", help="INDEX is a row of the file that the test set is from"
    )
    parser.add_argument(
        "--list",
        metavar="LIST",
        help="suspects, memorized or class:NAME: where the example stands in it; "
        "without INDEX, its examples",
    )
    parser.add_argument(
        "--group",
        type=int,
        metavar="N",
        help="which axis values, from 0; default: the first of which something was recorded",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Reads what the run recorded, and prints it."""
    from memlab.reports.example_words import document
    from memlab.runs.example_life import life
    from memlab.runs.examples import examples_of
    from memlab.runs.run import Run

    if options.index is None and options.list is None:
        raise InvalidExperiment("memlab inspect needs an INDEX, or a --list of examples.")
    examples = examples_of(Run(found(options.run)), options.group)
    if options.index is None:
        return _print_list(examples, options.list, options.json)
    made = life(examples, examples.position(options.index, options.test))
    place = None if options.list is None else _place(examples, options.list, made.position)
    if options.json:
        print_json(document(examples, made) | ({} if place is None else {"list": place}))
        return 0
    _print(examples, made, place)
    return 0


def _place(examples: Examples, name: str, position: int) -> dict[str, Any]:
    """Where the example stands in a list, and who stands beside it."""
    order = examples.listing(name).tolist()
    at = order.index(position) if position in order else None
    beside = [None if at is None else at - 1, None if at is None else at + 1]
    before, after = (
        int(examples.index[order[each]]) if each is not None and 0 <= each < len(order) else None
        for each in beside
    )
    rank = None if at is None else at + 1
    return {"name": name, "rank": rank, "of": len(order), "before": before, "after": after}


def _print_list(examples: Examples, name: str, as_json: bool) -> int:
    from rich.table import Table

    from memlab.reports.example_words import label_of, list_words, summary

    order = examples.listing(name).tolist()
    if as_json:
        rows = [
            {
                "rank": rank,
                "index": int(examples.index[at]),
                "given": examples.class_names[int(examples.given[at])],
            }
            for rank, at in enumerate(order, 1)
        ]
        print_json(rows)
        return 0
    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("rank", "index"):
        table.add_column(title, justify="right")
    table.add_column("given")
    table.add_column("")
    for rank, at in enumerate(order[:SHOWN], 1):
        label = label_of(examples, at) if examples.truth_known else _given(examples, at)
        add_row(table, str(rank), str(examples.index[at]), label, summary(examples, at))
    out.print(table)
    shown = min(SHOWN, len(order))
    out.print(f"\n{list_words(name).capitalize()}: {shown:,} of {len(order):,} examples.")
    return 0


def _given(examples: Examples, position: int) -> str:
    return examples.class_names[int(examples.given[position])]


def _print(examples: Examples, made: Life, place: dict[str, Any] | None) -> None:
    from rich.text import Text

    from memlab.reports.example_words import band_words, facts, heading, learned, list_words
    from memlab.text import plain

    out = console()
    stands = None
    if place is not None:
        stands = list_words(str(place["name"])), place["rank"] or 0, place["of"]
    title = heading(examples, made.position, stands)
    if place is not None:
        sides = [f"{side} {place[side]}" for side in ("before", "after") if place[side] is not None]
        title += f" ({', '.join(sides)})" if sides else ""
    out.print(Text(plain(title), "bold"))
    lines = [
        Text.assemble((f"{key:<20}", "dim"), plain(value)) for key, value in facts(examples, made)
    ]
    for line in _beside(_picture(examples, made.position), lines):
        out.print(line, soft_wrap=True)
    if (told := _values(examples, made.position)) is not None:
        out.print(told, soft_wrap=True)
    out.print(Text("\n").append(plain(f"margin while training: {band_words(made)}"), "bold"))
    for title, band in (("saw it", made.saw), ("did not", made.did_not)):
        if band is not None:
            out.print(_band_line(title, band), soft_wrap=True)
    out.print(plain(learned(made)), soft_wrap=True)
    _print_histogram(made)
    _print_others(examples, made)


def _beside(picture: Text | None, facts: list[Text]) -> Iterator[Text]:
    """The lines of the picture, and of the facts to its right."""
    from rich.text import Text

    drawn: list[Text] = [] if picture is None else list(picture.split("\n"))
    width = max((line.cell_len for line in drawn), default=-3) + 3
    for at in range(max(len(drawn), len(facts))):
        line = drawn[at] if at < len(drawn) else Text()
        line.pad_right(width - line.cell_len)
        yield line.append_text(facts[at]) if at < len(facts) else line


def _picture(examples: Examples, position: int) -> Text | None:
    from memlab.cli.pictures import drawn

    pictures = examples.pictures
    if pictures is None or not examples.is_picture or position >= len(pictures):
        return None
    return drawn(console(), pictures[position], PICTURE_COLUMNS, PICTURE_ROWS, enlarged=True)


def _values(examples: Examples, position: int) -> Text | None:
    """What is no picture, as a line and its first values."""
    from rich.text import Text

    from memlab.charts.sparkline import sparkline
    from memlab.numbers import number

    if examples.is_picture:
        return None
    if examples.values is not None:
        values = examples.values[position].astype(float).tolist()
        told = "  ".join(number(value, 2) for value in values[:8])
        more = f"  … ({len(values)} values)" if len(values) > 8 else ""
    elif examples.pictures is not None and position < len(examples.pictures):
        values, told, more = examples.pictures[position][0].astype(float).tolist(), "", ""
    else:
        return None
    return Text(f"\nvalues  {sparkline(values, WIDTH)}  {told}{more}")


def _band_line(title: str, band: Band) -> Text:
    from rich.text import Text

    from memlab.charts.sparkline import sparkline
    from memlab.numbers import number

    end = f"{number(band.mean[-1], 1)} ± {number(band.deviation[-1], 1)}"
    first, last = (f"epoch {number(epoch, 0)}" for epoch in (band.epoch[0], band.epoch[-1]))
    line = sparkline(band.mean, WIDTH)
    return Text(
        f"{title:<8} {number(band.mean[0], 1)} at {first} {line} {end} at {last} (± 1 deviation)"
    )


def _print_histogram(made: Life) -> None:
    from memlab.runs.example_life import histogram_line

    if made.memorized is None:
        return
    line, mark = histogram_line(made.memorized)
    out = console()
    out.print("\nmemorization of all examples, from −1 to 1 (▲ here)", style="bold")
    out.print(line)
    out.print(mark)


def _print_others(examples: Examples, made: Life) -> None:
    from rich.table import Table

    from memlab.numbers import number
    from memlab.reports.example_words import effect_words, groups, label_of, name_of
    from memlab.runs.example_life import Effect

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for _, title, others, nothing in groups(made):
        told = []
        for other in others:
            at = other.position
            said = f"{name_of(examples, at)} ({label_of(examples, at)})"
            if isinstance(other, Effect):
                said += f" {effect_words(other)}"
            elif other.distance is not None:
                said += f" at {number(other.distance, 1)}"
            told.append(said)
        add_row(table, title, ", ".join(told) or nothing)
    out = console()
    out.print()
    out.print(table)
