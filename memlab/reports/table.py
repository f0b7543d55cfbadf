"""The table of a report: which columns it has and what stands in the cells, for every renderer."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.reports.digits import aligned, plus_minus
from memlab.reports.findings import Findings, Row
from memlab.reports.naming import cells, column_title, is_label_noise

TRAINING, UNSEEN = "on what it was trained on", "on data it had not seen"
EARLY = "had it been stopped early"


@dataclass(frozen=True)
class Column:
    """A quantity's column; `epochs` have fewer decimals and count the members that got there."""

    key: str
    title: str
    group: str
    epochs: bool = False


COLUMNS = (
    Column("train_accuracy", "train", TRAINING),
    Column("train_accuracy_clean", "truth fitted", TRAINING),
    Column("train_accuracy_corrupted", "lies fitted", TRAINING),
    Column("recovered_true_labels", "seen through", TRAINING),
    Column("epochs_to_fit", "fits @", TRAINING, epochs=True),
    Column("memorization_onset", "onset @", TRAINING, epochs=True),
    Column("test_accuracy", "test", UNSEEN),
    Column("best_test_accuracy", "best", UNSEEN),
    Column("best_epoch", "best @", UNSEEN, epochs=True),
    Column("generalization_gap", "gap", UNSEEN),
    Column("memorization_cost", "cost", UNSEEN),
    Column("early_stopped_test_accuracy", "test, early", EARLY),
    Column("early_stopped_recovered", "seen through, early", EARLY),
)


@dataclass(frozen=True)
class Filled:
    """A column with its cells, one per row, aligned on the decimal point and of one width."""

    column: Column
    title: str
    cells: tuple[str, ...]

    @property
    def width(self) -> int:
        """Characters that the column needs."""
        return max(len(self.title), *(len(cell) for cell in self.cells), 1)


def filled(findings: Findings, zero: bool = True) -> list[Filled]:
    """The columns that have anything to show, with their cells.

    `zero`: write the zero before the point.
    """
    rows = findings.rows
    lies = any(row.train_accuracy_corrupted is not None for row in rows)
    labels = any(is_label_noise(row) for row in rows)
    made = []
    for column in COLUMNS:
        if not any(row.quantity(column.key) for row in rows):
            continue
        if column.key == "train_accuracy_clean" and not lies:
            continue
        title = column.title
        if column.key == "train_accuracy_corrupted" and not labels:
            title = "noise fitted"
        made.append(Filled(column, title, _cells(rows, column, zero)))
    return made


def _cells(rows: list[Row], column: Column, zero: bool) -> tuple[str, ...]:
    most = 0 if column.epochs else 3
    texts = aligned([plus_minus(row.quantity(column.key), most, zero) for row in rows])
    if column.epochs:
        shares = [_share(row, column.key) for row in rows]
        width = max(map(len, shares), default=0)
        texts = [f"{text}{share.ljust(width)}" for text, share in zip(texts, shares, strict=True)]
    return tuple(texts)


def _share(row: Row, key: str) -> str:
    """` 2/3` where only 2 of 3 members got there."""
    found = row.quantity(key)
    kept = row.members - row.diverged
    return f" {found.n}/{kept}" if found is not None and found.n < kept else ""


def row_labels(findings: Findings) -> tuple[str, list[str]]:
    """What stands over the axis values, and the axis values."""
    return column_title(findings), cells(findings)


def notes(findings: Findings) -> list[str]:
    """What is needed to read the table."""
    seeds = len(findings.seeds)
    shown = {column.column.key for column in filled(findings)}
    if not shown:
        return []
    lines = [
        f"Mean ± half the 95 % t interval over {seeds} seeds; – does not exist."
        if seeds > 1
        else "One seed, so no intervals; – does not exist."
    ]
    if "memorization_cost" in shown:
        lines.append("gap: train − test accuracy; cost: best − final test accuracy.")
    epochs = [
        words
        for key, words in (
            ("epochs_to_fit", "fits @: first epoch with train accuracy ≥ 0.99"),
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
        lines.append("early: at the epoch of the best validation accuracy.")
    if findings.chance is not None:
        lines.append(f"Guessing gives a test accuracy of {findings.chance:.3g}.")
    return lines
