"""The table of a run's report: which columns it has, what stands in them, how to read it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from memlab.experiment.metrics import (
    METRICS,
    RECOVERED_TRUE_LABELS,
    TEST_ACCURACY,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    VALIDATION_ACCURACY,
)
from memlab.numbers import IMPOSSIBLE
from memlab.reports import palette
from memlab.reports.blocks import Column, Table
from memlab.reports.findings import Findings, Row, clock_of, is_recorded
from memlab.reports.naming import cells, column_title, is_label_noise

TRAINING, UNSEEN = "on what it was trained on", "on data it had not seen"
EARLY = "had it been stopped early"


@dataclass(frozen=True)
class Shown:
    """A quantity of the rows; `epochs` have no decimals and count the members that got there."""

    key: str
    title: str
    group: str
    epochs: bool = False


def _at_the_end(metric: str, group: str) -> Shown:
    return Shown(metric, METRICS[metric].short, group)


COLUMNS = (
    _at_the_end(TRAIN_ACCURACY, TRAINING),
    _at_the_end(TRAIN_ACCURACY_CLEAN, TRAINING),
    _at_the_end(TRAIN_ACCURACY_CORRUPTED, TRAINING),
    _at_the_end(RECOVERED_TRUE_LABELS, TRAINING),
    Shown("epochs_to_fit", "fits @", TRAINING, epochs=True),
    Shown("memorization_onset", "onset @", TRAINING, epochs=True),
    _at_the_end(TEST_ACCURACY, UNSEEN),
    Shown("best_test_accuracy", "best", UNSEEN),
    Shown("best_epoch", "best @", UNSEEN, epochs=True),
    _at_the_end(VALIDATION_ACCURACY, UNSEEN),
    Shown("best_validation_accuracy", "best", UNSEEN),
    Shown("best_validation_epoch", "best @", UNSEEN, epochs=True),
    Shown("generalization_gap", "gap", UNSEEN),
    Shown("memorization_cost", "cost", UNSEEN),
    Shown("early_stopped_test_accuracy", "test, early", EARLY),
    Shown("early_stopped_recovered", "seen through, early", EARLY),
)


def figures(findings: Findings) -> Table:
    """The quantities that any row has, a column each."""
    colours = palette.ramp(len(findings.rows))
    signs = itertools.cycle(palette.SHAPES)
    return Table(
        column_title(findings),
        tuple(cells(findings)),
        tuple(_column(findings.rows, shown) for shown in _shown(findings)),
        marks=tuple(zip(signs, colours, strict=False)),
    )


def _shown(findings: Findings) -> list[Shown]:
    lies = any(row.train_accuracy_corrupted is not None for row in findings.rows)
    return [
        shown
        for shown in COLUMNS
        if any(row.quantity(shown.key) for row in findings.rows)
        and (lies or shown.key != TRAIN_ACCURACY_CLEAN)
    ]


def _column(rows: Sequence[Row], shown: Shown) -> Column:
    labels = any(is_label_noise(row) for row in rows)
    noise = shown.key == TRAIN_ACCURACY_CORRUPTED and not labels
    return Column(
        "noise fitted" if noise else shown.title,
        tuple(row.quantity(shown.key) or IMPOSSIBLE for row in rows),
        decimals=0 if shown.epochs else 3,
        behind=tuple(_share(row, shown.key) for row in rows) if shown.epochs else (),
        group=shown.group,
        spare=shown.key == TRAIN_ACCURACY and _split(rows),
    )


def _split(rows: Sequence[Row]) -> bool:
    """Whether the accuracy on all training examples has its two parts beside it."""
    return any(row.train_accuracy_corrupted and row.train_accuracy_clean for row in rows)


def _share(row: Row, key: str) -> str:
    """` 2/3` where only 2 of 3 members got there."""
    found = row.quantity(key)
    kept = row.members - row.diverged
    return f" {found.n}/{kept}" if found is not None and found.n < kept else ""


def notes(findings: Findings) -> list[str]:
    """What is needed to read the table."""
    seeds = len(findings.seeds)
    shown = {column.key for column in _shown(findings)}
    if not shown:
        return []
    one = "network" if is_recorded(findings) else "seed"
    clock = clock_of(findings)
    lines = [
        f"Mean ± half the 95 % t interval over {seeds} seeds; – does not exist."
        if seeds > 1
        else f"One {one}, so no intervals; – does not exist."
    ]
    if "memorization_cost" in shown:
        lines.append("gap: train − test accuracy; cost: best − final test accuracy.")
    epochs = [
        words
        for key, words in (
            ("epochs_to_fit", f"fits @: first {clock} with train accuracy ≥ 0.99"),
            (
                "memorization_onset",
                "onset @: epoch from which on more lies are repeated than seen through",
            ),
        )
        if key in shown
    ]
    if epochs:
        lines.append("; ".join(epochs) + ".")
    if any(_share(row, c.key) for row in findings.rows for c in COLUMNS if c.epochs):
        lines.append("2/3 behind an epoch: 2 of 3 networks got there.")
    if "early_stopped_test_accuracy" in shown:
        lines.append(f"early: at the {clock} of the best validation accuracy.")
    if findings.chance is not None:
        what = "n" if is_recorded(findings) else " test"
        lines.append(f"Guessing gives a{what} accuracy of {findings.chance:.3g}.")
    return lines
