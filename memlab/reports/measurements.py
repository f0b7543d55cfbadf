"""From a run's tables to figures per member: what it reached, when, and what it cost.

`figures_of` is pure, on arrays; `measure` reads the tables in blocks of members, so that a run of
thousands of networks needs little memory. Means over seeds are `building.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.experiment.metrics import (
    RECOVERED_TRUE_LABELS,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    TRAIN_LOSS,
    VALIDATION_ACCURACY,
)
from memlab.runs.table import Table
from memlab.runs.view import members_of

Values = NDArray[np.float64]
FITTED = 0.99
BLOCK_VALUES = 1 << 21  # of one metric held at once
HISTORIES = (
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CORRUPTED,
    RECOVERED_TRUE_LABELS,
    VALIDATION_ACCURACY,
    TEST_ACCURACY,
)
LAST_ONLY = (TRAIN_ACCURACY_CLEAN, TRAIN_LOSS, TEST_LOSS)


@dataclass(frozen=True)
class Figures:
    """One value per member, each [members]; NaN where it does not exist."""

    train_accuracy: Values
    train_accuracy_clean: Values
    train_accuracy_corrupted: Values
    recovered_true_labels: Values
    test_accuracy: Values
    best_test_accuracy: Values
    best_epoch: Values
    generalization_gap: Values
    generalization_gap_loss: Values
    memorization_cost: Values
    epochs_to_fit: Values
    early_stopped_test_accuracy: Values
    early_stopped_recovered: Values
    early_stopping_gain: Values
    memorization_onset: Values
    epoch: Values
    updates: Values
    validation_accuracy: Values
    best_validation_accuracy: Values
    best_validation_epoch: Values


def figures_of(epoch: Values, updates: Values, metrics: Mapping[str, Values]) -> Figures:
    """The figures of members whose `metrics` are [evaluations, members], at `epoch` [evaluations].

    Metrics of `LAST_ONLY` may have the last evaluation alone. At least one evaluation.
    """
    last = {name: values[-1] for name, values in metrics.items()}
    test, recovered = metrics[TEST_ACCURACY], metrics[RECOVERED_TRUE_LABELS]
    best, peak = peak_of(test)
    stopped, validated = peak_of(metrics[VALIDATION_ACCURACY])
    untested = np.isnan(test).all(axis=0)
    early_test, early_recovered = at(test, stopped), at(recovered, stopped)
    width = test.shape[1]
    return Figures(
        train_accuracy=last[TRAIN_ACCURACY],
        train_accuracy_clean=last[TRAIN_ACCURACY_CLEAN],
        train_accuracy_corrupted=last[TRAIN_ACCURACY_CORRUPTED],
        recovered_true_labels=last[RECOVERED_TRUE_LABELS],
        test_accuracy=last[TEST_ACCURACY],
        best_test_accuracy=peak,
        best_epoch=_epoch_at(epoch, best),
        generalization_gap=last[TRAIN_ACCURACY] - last[TEST_ACCURACY],
        generalization_gap_loss=last[TEST_LOSS] - last[TRAIN_LOSS],
        memorization_cost=peak - last[TEST_ACCURACY],
        epochs_to_fit=_epoch_at(epoch, first_true(metrics[TRAIN_ACCURACY] >= FITTED)),
        early_stopped_test_accuracy=early_test,
        early_stopped_recovered=early_recovered,
        early_stopping_gain=early_test - last[TEST_ACCURACY],
        memorization_onset=_epoch_at(
            epoch, start_of_last_stretch(metrics[TRAIN_ACCURACY_CORRUPTED] > recovered)
        ),
        epoch=np.full(width, epoch[-1]),
        updates=np.full(width, updates[-1]),
        validation_accuracy=np.where(untested, last[VALIDATION_ACCURACY], np.nan),
        best_validation_accuracy=np.where(untested, validated, np.nan),
        best_validation_epoch=np.where(untested, _epoch_at(epoch, stopped), np.nan),
    )


def peak_of(values: Values) -> tuple[NDArray[np.int64], Values]:
    """Row of the first maximum and the maximum, [members]; −1 and NaN where all is NaN."""
    filled = np.where(np.isnan(values), -np.inf, values)
    where = filled.argmax(axis=0).astype(np.int64)
    peak = filled[where, np.arange(values.shape[1])]
    exists = np.isfinite(peak)
    return np.where(exists, where, -1), np.where(exists, peak, np.nan)


def at(values: Values, rows: NDArray[np.int64]) -> Values:
    """The value of each member at its row; NaN where the row is −1."""
    found = values[np.maximum(rows, 0), np.arange(values.shape[1])]
    return np.where(rows >= 0, found, np.nan)


def first_true(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first row that is true, [members]; −1 where none is."""
    return np.where(flags.any(axis=0), flags.argmax(axis=0), -1).astype(np.int64)


def start_of_last_stretch(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The row from which on all are true, [members]; −1 where the last is not."""
    reverse = ~flags[::-1]
    behind = np.where(reverse.any(axis=0), reverse.argmax(axis=0), len(flags))
    return np.where(behind > 0, len(flags) - behind, -1).astype(np.int64)


def _epoch_at(epoch: Values, rows: NDArray[np.int64]) -> Values:
    return np.where(rows >= 0, epoch[np.maximum(rows, 0)], np.nan)


def measure(tables: Mapping[str, Table], members: int) -> Figures:
    """The figures of all members of the run, [members]; NaN for those not yet evaluated."""
    whole = {field.name: np.full(members, np.nan) for field in fields(Figures)}
    for table in tables.values():
        if not len(table):
            continue
        seats = np.asarray(members_of(table), np.int64)
        step = max(1, BLOCK_VALUES // len(table))
        for first in range(0, len(seats), step):
            part = seats[first : first + step]
            try:
                found = _block(table, slice(first, first + step))
            except RunFolderError:  # rows went away since the table was opened
                continue
            inside = part < members
            for name, values in whole.items():
                values[part[inside]] = getattr(found, name)[inside]
    return Figures(**whole)


def _block(table: Table, seats: slice) -> Figures:
    stop = len(table)
    width = len(range(*seats.indices(len(members_of(table)))))
    metrics = {}
    for name in (*HISTORIES, *LAST_ONLY):
        start = 0 if name in HISTORIES else stop - 1
        if name in table.columns:
            metrics[name] = table.read(name, start, stop, seats)
        else:
            metrics[name] = np.full((stop - start, width), np.nan)
    return figures_of(
        table.read("epoch", 0, stop).astype(np.float64),
        table.read("update", 0, stop).astype(np.float64),
        metrics,
    )
