from __future__ import annotations

import numpy as np
import pytest

from memlab.reports.measurements import (
    figures_of,
    first_true,
    measure,
    peak_of,
    start_of_last_stretch,
)
from memlab.runs.view import RunView

NAN = np.nan


def column(*values: float) -> np.ndarray:
    return np.array(values, float)[:, None]


def one_member() -> dict[str, np.ndarray]:
    return {
        "train_accuracy": column(0.1, 0.6, 0.99, 1.0),
        "train_accuracy_clean": column(1.0),
        "train_accuracy_corrupted": column(0.2, 0.1, 0.5, 0.9),
        "recovered_true_labels": column(0.1, 0.8, 0.4, 0.1),
        "validation_accuracy": column(0.1, 0.9, 0.9, 0.8),
        "test_accuracy": column(0.1, 0.8, 0.85, 0.7),
        "train_loss": column(0.25),
        "test_loss": column(1.5),
    }


def test_every_figure_follows_from_the_tables() -> None:
    found = figures_of(np.array([0.0, 2.0, 4.0, 6.0]), np.array([0.0, 5, 10, 15]), one_member())
    expected = {
        "train_accuracy": 1.0,
        "train_accuracy_corrupted": 0.9,
        "recovered_true_labels": 0.1,
        "test_accuracy": 0.7,
        "best_test_accuracy": 0.85,
        "best_epoch": 4.0,
        "generalization_gap": 0.3,
        "generalization_gap_loss": 1.25,
        "memorization_cost": 0.15,
        "epochs_to_fit": 4.0,
        "early_stopped_test_accuracy": 0.8,
        "early_stopped_recovered": 0.8,
        "early_stopping_gain": 0.1,
        "memorization_onset": 4.0,
        "epoch": 6.0,
        "updates": 15.0,
    }
    for name, value in expected.items():
        assert getattr(found, name)[0] == pytest.approx(value), name


def test_member_that_never_fits_has_no_epoch() -> None:
    values = one_member() | {"train_accuracy": column(0.1, 0.5, 0.9, 0.98)}
    found = figures_of(np.arange(4.0), np.arange(4.0), values)
    assert np.isnan(found.epochs_to_fit[0])


def test_member_without_lies_has_neither_onset_nor_share_seen_through() -> None:
    nothing = np.full((4, 1), NAN)
    values = one_member() | {
        "train_accuracy_corrupted": nothing,
        "recovered_true_labels": nothing,
    }
    found = figures_of(np.arange(4.0), np.arange(4.0), values)
    assert np.isnan(found.memorization_onset[0])
    assert np.isnan(found.early_stopped_recovered[0])


def test_onset_is_the_start_of_the_last_stretch() -> None:
    flags = np.array([[1, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, 0]], bool)
    assert start_of_last_stretch(flags).tolist() == [2, 2, 0, -1]


def test_first_true_is_minus_one_where_there_is_none() -> None:
    assert first_true(np.array([[0, 0], [1, 0]], bool)).tolist() == [1, -1]


def test_peak_skips_what_is_missing_and_takes_the_first_of_equals() -> None:
    where, peak = peak_of(np.array([[NAN, NAN], [0.5, NAN], [0.5, NAN]]))
    assert where.tolist() == [1, -1]
    assert peak[0] == 0.5
    assert np.isnan(peak[1])


@pytest.mark.parametrize("stacks", [1, 2, 4])
def test_figures_do_not_depend_on_how_the_grid_was_cut_into_stacks(make_run, stacks) -> None:
    alone = measure(RunView(make_run()).stacks, 9)
    cut = measure(RunView(make_run(stacks=stacks)).stacks, 9)
    np.testing.assert_array_equal(alone.best_test_accuracy, cut.best_test_accuracy)
    np.testing.assert_array_equal(alone.memorization_onset, cut.memorization_onset)


def test_blocks_of_members_give_what_the_whole_gives(make_run, monkeypatch) -> None:
    view = RunView(make_run())
    whole = measure(view.stacks, 9)
    monkeypatch.setattr("memlab.reports.measurements.BLOCK_VALUES", 45)
    blocks = measure(view.stacks, 9)
    np.testing.assert_array_equal(whole.memorization_cost, blocks.memorization_cost)
    np.testing.assert_array_equal(whole.epochs_to_fit, blocks.epochs_to_fit)
