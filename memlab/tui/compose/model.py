"""What the Compose screen shows for a draft, computed in one go; no widget, no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from memlab.experiment import grid
from memlab.experiment.spec import Experiment
from memlab.experiment.speeds import Speeds
from memlab.tui.compose import cost, form
from memlab.tui.compose.preview_client import Example, Preview
from memlab.tui.palette import palette
from memlab.tui.widgets.field import Field
from memlab.tui.widgets.picture import Thumbnail

MEND = ("The rows marked with ! are to be mended", "before it can be launched.")
PICTURE_GAP = 2


@dataclass(frozen=True)
class Evaluation:
    """A draft as it was read, its rows, and its cost."""

    draft: form.Draft
    reading: form.Reading
    rows: tuple[Field, ...]
    note: cost.CostNote

    @property
    def experiment(self) -> Experiment | None:
        """The experiment, where it can be launched."""
        return self.reading.experiment

    @property
    def first_error(self) -> str:
        """Key of the first row that has to be mended; empty where there is none."""
        return next((row.key for row in self.rows if row.error), "")


@dataclass(frozen=True)
class Cell:
    """One combination of axis values to be drawn: which of how many, and what it is called."""

    index: int
    count: int
    label: str
    experiment: dict[str, Any]


@dataclass(frozen=True)
class DataFacts:
    """What is known of the data from outside: bytes to download, and own data that cannot be read.

    `unread` has the reason by the dataset's name.
    """

    downloads: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def told(self, rows: Sequence[Field]) -> tuple[Field, ...]:
        """The rows, with what is known at the one of the dataset."""
        return tuple(self._at(row) if row.key == "dataset.name" else row for row in rows)

    def _at(self, row: Field) -> Field:
        notes = {name: f"↓ {size / 1e6:,.0f} MB" for name, size in self.downloads.items()}
        unit = f"({notes[row.value]} at the first launch)" if row.value in notes else row.unit
        error = row.error or self.unread.get(row.value, "")
        return replace(row, notes=notes, unit=unit, error=error)


def evaluate(draft: form.Draft, device: str, speeds: Speeds | None = None) -> Evaluation:
    """Reads a draft and estimates its cost on `device` (`cpu` or `cuda`) of these speeds."""
    read_as = form.read(draft)
    made = read_as.experiment
    note = cost.CostNote(MEND) if made is None else cost.note(made, device, speeds)
    return Evaluation(draft, read_as, tuple(form.rows(draft, read_as)), note)


def cell(made: Experiment, chosen: int | None) -> Cell:
    """The combination at `chosen`, counted in a circle; None is the one before the middle."""
    count = grid.combinations(made)
    if count > form.MANY:
        values, index, label = form.preview_cell(made), 0, "one of many"
    else:
        groups = grid.groups(made.model_copy(update={"seeds": 1}))
        index = (count - 1) // 2 if chosen is None else chosen % count
        values, label = dict(groups[index].axis_values), groups[index].label
    single = grid.with_values(made, values)
    words = label.replace("=", " ").replace("fraction", "noise") if values else ""
    return Cell(index, count, words, single.model_dump(mode="json"))


def facts(preview: Preview) -> str:
    """Sizes of the parts and how much the noise touched, in words."""
    lines = []
    if preview.drawn is not None and preview.changed is not None:
        drawn, changed = _percent(preview.drawn), _percent(preview.changed)
        lines.append(
            "nothing is corrupted"
            if not preview.drawn
            else f"{drawn} drawn, {changed} truly changed"
        )
    if preview.sizes is not None:
        train, validation, test = preview.sizes
        lines.append(f"{train:,} train · {validation:,} validation · {test:,} test")
    return "\n".join(lines)


def thumbnails(examples: Sequence[Example], dark: bool) -> list[Thumbnail]:
    """The examples as captioned pictures; a lie has its mark and its colour."""
    colours = palette(dark)
    return [
        Thumbnail(
            example.pixels,
            example.caption,
            "▲" if example.corrupted else "",
            colours.lies if example.corrupted else colours.truth,
        )
        for example in examples
    ]


def strips(
    pictures: Sequence[Thumbnail], examples: Sequence[Example], width: int, rows: int
) -> list[list[Thumbnail]]:
    """The pictures in `rows` rows of `width` cells, equally many in each."""
    tall, wide = _side(examples)
    lines = strip_height(examples) - 1
    shrunk = -(-wide // max(1, -(-tall // (2 * max(1, lines))))) if tall else 0
    captions = (len(p.caption) + (2 if p.mark else 0) for p in pictures)
    each = max(1, (width + PICTURE_GAP) // (max([shrunk, *captions]) + PICTURE_GAP))
    return [list(pictures[row * each : (row + 1) * each]) for row in range(rows)]


def strip_height(examples: Sequence[Example]) -> int:
    """Lines of a row of pictures with its captions; 1 where there are labels only."""
    tall = _side(examples)[0]
    return 1 if not tall else 5 if tall <= 8 else 8


def _side(examples: Sequence[Example]) -> tuple[int, int]:
    tall = max((len(example.pixels) for example in examples), default=0)
    wide = max((len(example.pixels[0]) for example in examples if example.pixels), default=0)
    return tall, wide


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share in (0, 1) or share >= 0.1 else f"{100 * share:.1f} %"
