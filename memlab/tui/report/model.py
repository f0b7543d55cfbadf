"""What the Report screen shows of the findings. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from rich.text import Text

from memlab.charts.plot import Series
from memlab.estimate import Estimate
from memlab.experiment.metrics import (
    METRICS,
    RECOVERED_TRUE_LABELS,
    TEST_ACCURACY,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CORRUPTED,
    VALIDATION_ACCURACY,
)
from memlab.experiment.spec import Experiment
from memlab.numbers import aligned, number, plus_minus
from memlab.reports.claim_lines import claim_folds
from memlab.reports.findings import Findings, Row, is_recorded
from memlab.reports.side_table import scalar
from memlab.text import plain
from memlab.tui import palette
from memlab.tui.axis_values import AxisValue, axis_title, is_numeric
from memlab.tui.widgets.columns import Coloured, Column

CLAIMS = "claims of the papers, on this run alone; 5 has all of them"
LADDER = (
    ("generalization_gap", "generalization gap", "unseen", "◆"),
    ("memorization_cost", "memorization cost", "lies", "▲"),
)
FIGURES = (
    (TRAIN_ACCURACY, METRICS[TRAIN_ACCURACY].short, 4),
    (TRAIN_ACCURACY_CORRUPTED, METRICS[TRAIN_ACCURACY_CORRUPTED].short, 0),
    (RECOVERED_TRUE_LABELS, METRICS[RECOVERED_TRUE_LABELS].short, 3),
    (TEST_ACCURACY, "test at the end", 0),
    ("best_test_accuracy", "best test", 2),
    ("generalization_gap", "gap", 0),
    ("memorization_cost", "cost", 1),
)


def standing(state: str, epoch: float | None, message: str = "", axis: str = "epoch") -> str:
    """What to bear in mind where the run has not finished; empty where it has."""
    if state == "finished":
        return ""
    at = "" if epoch is None else f" at {axis} {number(epoch, 0)}"
    why = f" {plain(message)}" if message and state in ("failed", "interrupted") else ""
    return f"This run has not finished: it is {state}{at}. The figures are those so far.{why}"


#: Of a recorded run, as far as there are any: nothing of it was tested.
RECORDED = (
    *FIGURES[:3],
    (VALIDATION_ACCURACY, METRICS[VALIDATION_ACCURACY].short, 0),
    ("best_validation_accuracy", "best validation", 2),
    (TEST_ACCURACY, METRICS[TEST_ACCURACY].short, 1),
)
EPOCHS = (("best_epoch", "best @", 5), ("epochs_to_fit", "fits @", 6))
RECORDED_EPOCHS = (("best_validation_epoch", "best @", 5), EPOCHS[1])

Figures = Sequence[tuple[str, str, int]]


def shown(findings: Findings) -> tuple[Figures, Figures]:
    """The figures of the table and the epochs behind them: key, title, priority."""
    if not is_recorded(findings):
        return FIGURES, EPOCHS
    there = [each for each in RECORDED if any(row.quantity(each[0]) for row in findings.rows)]
    return there, RECORDED_EPOCHS


def columns(axis: str, figures: Figures = FIGURES, epochs: Figures = EPOCHS) -> list[Column]:
    """The columns of the table, in the order of `cells`."""
    return [
        Column("value", axis or "group", sortable=False),
        *(
            Column(key, title, max(12, len(title) + 2), priority=priority)
            for key, title, priority in figures
        ),
        *(Column(key, title, 9, "right", priority=priority) for key, title, priority in epochs),
    ]


def cells(
    row: Row,
    value: AxisValue,
    plain: bool = False,
    figures: Figures = FIGURES,
    epochs: Figures = EPOCHS,
) -> list[object]:
    """One axis value's cells."""
    mark = value.letter if plain else value.marker
    found = [aligned(plus_minus(row.quantity(key))) for key, _, _ in figures]
    when = [number(_mean(row.quantity(key)), 0) for key, _, _ in epochs]
    return [Coloured(f"{mark} {value.short}", value.colour, True), *found, *when]


def ladder(findings: Findings, experiment: Experiment, dark: bool) -> list[Series]:
    """Gap and memorization cost, with their intervals, against the axis."""
    xs = positions(len(findings.rows), experiment)
    colours = palette.palette(dark)
    series = []
    for key, name, kind, marker in LADDER:
        ends = [_ends(row.quantity(key)) for row in findings.rows]
        means, lows, highs = ([each[i] for each in ends] for i in range(3))
        if any(math.isfinite(mean) for mean in means):
            colour = getattr(colours, kind)
            series.append(Series(name, colour, marker, xs, means, low=lows, high=highs))
    return series


def beside(findings: Findings, experiment: Experiment, dark: bool) -> list[Series]:
    """The gap of each baseline as marks; their intervals are in the table of baselines."""
    xs = positions(len(findings.rows), experiment)
    neutral = palette.palette(dark).neutral
    made = []
    for index, (name, found) in enumerate(findings.baselines.items()):
        means = [_mean(scalar(row, "generalization_gap")) for row in found.rows]
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


def positions(count: int, experiment: Experiment) -> list[float]:
    """Where `count` rows stand on the axis: their values, or places where these are no scale."""
    if on_scale(experiment):
        (name,) = experiment.axes
        return [float(value) for value in experiment.axes[name]][:count]
    return [float(index + 1) for index in range(count)]


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


def _mean(found: Estimate | None) -> float:
    return found.mean if found is not None else math.nan


def _ends(found: Estimate | None) -> tuple[float, float, float]:
    """Mean, and both ends of its interval: the mean itself where there is none."""
    mean = _mean(found)
    half = found.half if found is not None and found.bounded else 0.0
    return mean, mean - half, mean + half


def verdicts(findings: Findings, dark: bool) -> Text:
    """A line for each claim that the experiment names, below a heading; empty without any."""
    text = Text()
    if findings.claims:
        text.append("claims", "bold")
        text.append(f"   {CLAIMS.removeprefix('claims ')}")
    for found, fold in zip(findings.claims, claim_folds(findings), strict=True):
        text.append(f"\n{fold.mark} ", f"bold {palette.verdict(found.verdict, dark)}")
        text.append(fold.summary)
    return text
