"""What the Report screen shows, from the findings' document (`report.json`'s content). Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from memlab.charts.plot import Series
from memlab.experiment.spec import Experiment
from memlab.strict_json import number as known
from memlab.text import plain
from memlab.tui import palette
from memlab.tui.axis_values import AxisValue, axis_title, is_numeric
from memlab.tui.widgets.columns import Coloured, Column
from memlab.tui.widgets.number import aligned, estimate, number

Document = Mapping[str, Any]
LADDER = (
    ("generalization_gap", "generalization gap", "unseen", "◆"),
    ("memorization_cost", "memorization cost", "lies", "▲"),
)
FIGURES = (
    ("train_accuracy", "train", 4),
    ("train_accuracy_corrupted", "lies fitted", 0),
    ("recovered_true_labels", "seen through", 3),
    ("test_accuracy", "test at the end", 0),
    ("best_test_accuracy", "best test", 2),
    ("generalization_gap", "gap", 0),
    ("memorization_cost", "cost", 1),
)


def sentences(document: Document) -> list[str]:
    """The findings in plain words, the most important first."""
    found = document.get("sentences") or []
    return [str(sentence) for sentence in found]


def standing(state: str, epoch: float | None, message: str = "") -> str:
    """What to bear in mind where the run has not finished; empty where it has."""
    if state == "finished":
        return ""
    at = "" if epoch is None else f" at epoch {number(epoch, 0)}"
    why = f" {plain(message)}" if message and state in ("failed", "interrupted") else ""
    return f"This run has not finished: it is {state}{at}. The figures are those so far.{why}"


def columns(axis: str) -> list[Column]:
    """The columns of the table, in the order of `cells`."""
    return [
        Column("value", axis or "group", sortable=False),
        *(
            Column(key, title, max(12, len(title) + 2), priority=priority)
            for key, title, priority in FIGURES
        ),
        Column("best_epoch", "best @", 9, "right", priority=5),
        Column("epochs_to_fit", "fits @", 9, "right", priority=6),
    ]


def cells(row: Document, value: AxisValue, plain: bool = False) -> list[object]:
    """One axis value's cells."""
    mark = value.letter if plain else value.marker
    figures = [aligned(estimate(*_pair(row.get(key))), 1, 3) for key, _, _ in FIGURES]
    epochs = [estimate(_pair(row.get(key))[0], None, 0) for key in ("best_epoch", "epochs_to_fit")]
    return [Coloured(f"{mark} {value.short}", value.colour, True), *figures, *epochs]


def ladder(document: Document, experiment: Experiment, dark: bool) -> list[Series]:
    """Gap and memorization cost, with their intervals, against the axis."""
    rows = document.get("rows") or []
    xs = positions(rows, experiment)
    colours = palette.palette(dark)
    series = []
    for key, name, kind, marker in LADDER:
        ends = [_ends(_pair(row.get(key))) for row in rows]
        means, lows, highs = ([each[i] for each in ends] for i in range(3))
        if any(math.isfinite(mean) for mean in means):
            colour = getattr(colours, kind)
            series.append(Series(name, colour, marker, xs, means, low=lows, high=highs))
    return series


def beside(document: Document, experiment: Experiment, dark: bool) -> list[Series]:
    """The gap of each baseline as marks; their intervals are in the table of baselines."""
    xs = positions(document.get("rows") or [], experiment)
    neutral = palette.palette(dark).neutral
    made = []
    for index, (name, found) in enumerate((document.get("baselines") or {}).items()):
        means = [_pair(row.get("generalization_gap"))[0] for row in found.get("rows") or []]
        if any(map(math.isfinite, means)):
            letter = palette.letter(index).upper()
            made.append(Series(name, neutral, letter, xs, means, joined=False))
    return made


def marks_line(marks: Sequence[Series]) -> str:
    """What the letters in the ladder are; empty without any."""
    if not marks:
        return ""
    named = "  ".join(f"{series.marker} {series.name}" for series in marks)
    return f"baselines' gap on the same data:  {named}"


def positions(rows: Sequence[Document], experiment: Experiment) -> list[float]:
    """Where each row stands on the axis: its value, or its place where values are no scale."""
    if on_scale(experiment):
        (name,) = experiment.axes
        return [float(value) for value in experiment.axes[name]][: len(rows)]
    return [float(index + 1) for index in range(len(rows))]


def on_scale(experiment: Experiment) -> bool:
    """Whether the axis is numbers that rise and are of one magnitude."""
    if not is_numeric(experiment):
        return False
    values = [float(value) for value in next(iter(experiment.axes.values()))]
    rising = all(a < b for a, b in pairwise(values))
    positive = [value for value in values if value > 0]
    return rising and len(values) > 1 and max(positive, default=1) <= 20 * min(positive, default=1)


def axis_name(experiment: Experiment) -> str:
    """What the ladder's horizontal axis says."""
    title = axis_title(experiment, long=True) or "the only cell"
    return title if on_scale(experiment) else f"{title}, in the experiment's order"


def reproduce(document: Document, path: str) -> str:
    """The one command that runs the same again."""
    stated = document.get("reproduce") or document.get("command")
    return str(stated) if stated else f"memlab run {path}/experiment.toml"


def _ends(pair: tuple[float, float]) -> tuple[float, float, float]:
    """Mean, and both ends of its interval: the mean itself where there is none."""
    mean, half = pair
    half = 0.0 if math.isnan(half) else half
    return mean, mean - half, mean + half


def _pair(quantity: object) -> tuple[float, float]:
    """Mean and half-width; NaN for null."""
    if not isinstance(quantity, Mapping):
        return float("nan"), float("nan")
    mean, ends = known(quantity.get("mean")), quantity.get("ci95")
    interval = [known(end) for end in ends] if isinstance(ends, list | tuple) else []
    match interval:
        case [float(low), float(high)]:
            return _or_nan(mean), abs(high - low) / 2
    return _or_nan(mean), float("nan")


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
