"""What the Microscope shows of one example's life: series, lines, pictures with captions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from memlab.charts.plot import Mark, Series
from memlab.charts.sparkline import sparkline
from memlab.numbers import number
from memlab.reports.example_words import effect_words, facts, groups, label_of, name_of, with_error
from memlab.runs.example_life import Effect, Life, histogram_line
from memlab.runs.examples import Examples
from memlab.text import plain
from memlab.tui import palette
from memlab.tui.palette import marker
from memlab.tui.widgets.picture import Pixels

FEW = 12  # values that are listed and not drawn
NAME = 18
LINE = 12  # blocks of another example's values


@dataclass(frozen=True, eq=False)
class Other:
    """Another example as it is shown: picture or none, what stands below it, and all about it.

    Where it is no picture, `line` has its values as blocks.
    """

    position: int
    pixels: Pixels | None
    captions: tuple[str, str]
    told: str
    colour: str | None = None
    line: str = ""


@dataclass(frozen=True)
class Shelf:
    """Other examples in a row under a title; `nothing` is said where there are none."""

    title: str
    others: tuple[Other, ...]
    nothing: str = ""


def fact_lines(examples: Examples, life: Life, dark: bool) -> Text:
    """The numbers below the picture; a lie's given label has the colour of lies."""
    text = Text()
    for key, value in facts(examples, life):
        lie = key == "given" and life.corrupted
        style = f"bold {palette.palette(dark).lies}" if lie else "bold"
        text.append(f"{key:<{NAME}}", "dim").append(plain(value), style).append("\n")
    text.rstrip()
    return text


def bands(life: Life, dark: bool) -> list[Series]:
    """The margin in networks that saw it and in those that did not, ± a standard deviation."""
    colours = palette.palette(dark)
    saw = colours.lies if life.corrupted else colours.truth
    made = []
    for kind, band, name, colour in (
        ("lies" if life.corrupted else "truth", life.saw, "saw it", saw),
        ("unseen", life.did_not, "did not", colours.unseen),
    ):
        if band is None:
            continue
        pairs = list(zip(band.mean, band.deviation, strict=True))
        low, high = [m - d for m, d in pairs], [m + d for m, d in pairs]
        mark = palette.KIND_MARKERS[kind]
        title = f"{name} ({band.networks})"
        made.append(Series(title, colour, mark, band.epoch, band.mean, low=low, high=high))
    return made


def moments(life: Life) -> list[Mark]:
    """When it was learned."""
    return [] if life.first_learned is None else [Mark(life.first_learned, "learned")]


def histogram(life: Life) -> Text:
    """Memorization of all examples, with a mark at this one."""
    if life.memorized is None:
        return Text(f"memorization: {life.missing.get('memorized', '–')}", "dim")
    line, mark = histogram_line(life.memorized)
    left, middle, right = "−1", "0", "1"
    scale = left + middle.center(len(line) - len(left) - len(right)) + right
    return Text.assemble(
        (f"memorization of all {life.memorized.of:,} examples\n", ""),
        (f"{line}\n", ""),
        (f"{mark}\n", "bold"),
        (scale, "dim"),
    )


def values_of(examples: Examples, position: int) -> list[float]:
    """The values of what is no picture: recorded ones, or else the grey levels of their strip."""
    if examples.values is not None:
        return [float(value) for value in examples.values[position]]
    if examples.pictures is not None and position < len(examples.pictures):
        return [float(value) for value in examples.pictures[position][0]]
    return []


def value_lines(values: Sequence[float]) -> Text:
    """A table of name and value, of a few."""
    rows = (f"x{at:<4} {number(value, 3):>10}" for at, value in enumerate(values))
    return Text("\n".join(rows))


def pixels_of(examples: Examples, position: int) -> Pixels | None:
    """The picture; of what is none, its strip."""
    if examples.pictures is None or position >= len(examples.pictures):
        return None
    return [[int(value) for value in row] for row in examples.pictures[position]]


def shelves(examples: Examples, life: Life, dark: bool) -> list[Shelf]:
    """Whom it helps and hurts, who helps and hurts it, and who is near."""
    return [
        Shelf(title, tuple(_other(examples, each, dark) for each in others), nothing)
        for _, title, others, nothing in groups(life)
    ]


def _other(examples: Examples, other: object, dark: bool) -> Other:
    position: int = getattr(other, "position", 0)
    label = plain(label_of(examples, position))
    name = name_of(examples, position)
    told = f"{name}: {label}"
    below = ""
    if isinstance(other, Effect):
        below = effect_words(other)
        told += f", influence {with_error(other.influence, other.standard_error, 2)}"
        told += f", margin {with_error(other.margin, other.margin_standard_error, 1)}"
    elif (distance := getattr(other, "distance", None)) is not None:
        below = number(distance, 1)
        told += f", distance {below}"
    lie = position < examples.train and bool(examples.corrupted[position])
    colour = palette.palette(dark).lies if lie else None
    pixels = pixels_of(examples, position)
    line = "" if pixels is not None else sparkline(values_of(examples, position), LINE)
    return Other(position, pixels, (label, below), told, colour, line)


def value_series(values: Sequence[float], dark: bool) -> list[Series]:
    """The values as a line over their numbers."""
    xs = list(range(len(values)))
    return [Series("value", palette.palette(dark).truth, marker(0), xs, list(values))]
