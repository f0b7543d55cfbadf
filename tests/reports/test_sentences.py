"""Sentences from synthetic findings: what must be said, and what must not."""

from __future__ import annotations

import pytest

from memlab.reports.findings import Findings, Row
from memlab.reports.sentences import sentences

from .conftest import findings, q, row

NOISE = "corruption.fraction"


def noisy(**changes: object) -> Row:
    """The row of screens.md: every lie fitted, 11 points lost, 81 % seen through early."""
    values: dict[str, object] = {
        "train_accuracy": q(1.0, 0.0),
        "train_accuracy_clean": q(1.0, 0.0),
        "train_accuracy_corrupted": q(1.0, 0.0),
        "recovered_true_labels": q(0.0, 0.0),
        "test_accuracy": q(0.76, 0.02),
        "best_test_accuracy": q(0.87, 0.01),
        "best_epoch": q(7, 2),
        "generalization_gap": q(0.24, 0.02),
        "memorization_cost": q(0.11, 0.02),
        "early_stopped_test_accuracy": q(0.86, 0.01),
        "early_stopped_recovered": q(0.81, 0.03),
        "early_stopping_gain": q(0.10, 0.02),
        "memorization_onset": q(32, 4),
    }
    return row({NOISE: 0.4}, **(values | changes))


def clean(**changes: object) -> Row:
    values: dict[str, object] = {
        "train_accuracy": q(1.0, 0.0),
        "test_accuracy": q(0.96, 0.01),
        "best_test_accuracy": q(0.965, 0.01),
        "best_epoch": q(20, 5),
        "generalization_gap": q(0.04, 0.01),
        "memorization_cost": q(0.005, 0.005),
        "early_stopping_gain": q(0.0, 0.005),
    }
    return row({NOISE: 0.0}, **(values | changes))


def ladder(*rows: Row, **changes: object) -> str:
    return " ".join(sentences(findings(rows, [NOISE], **changes)))


def test_verdict_is_that_of_the_design() -> None:
    said = sentences(findings([clean(), noisy()], [NOISE]))
    assert said == [
        "With 40 % of the labels replaced at random, the network fitted every lie, and paid with "
        "11 points of accuracy on data it had not seen (0.87 at epoch 7, 0.76 at the end).",
        "Stopped early, it saw through 81 % of the lies: it is not a lookup table; from epoch 32 "
        "on it repeated more lies than it saw through.",
        "The gap between train and test accuracy grew from 0.04 with no noise to 0.24 with 40 % "
        "noise.",
    ]


@pytest.mark.parametrize(
    ("mean", "said", "unsaid"),
    [
        (1.0, "fitted every lie,", "%) of the lies"),
        (0.997, "practically every lie (99.7 %)", "fitted every"),
        (0.96, "fitted 96 % of the lies", "every"),
        (0.30, "fitted 30 % of the lies, and lost 11 points", "paid"),
        (0.004, "hardly any lie (0.4 %)", "every"),
    ],
)
def test_fitted_is_said_as_far_as_it_is_true(mean: float, said: str, unsaid: str) -> None:
    text = ladder(noisy(train_accuracy_corrupted=q(mean, 0.001)))
    assert said in text
    assert unsaid not in text


def test_wide_interval_is_told() -> None:
    assert "(± 20 points)" in ladder(noisy(train_accuracy_corrupted=q(0.6, 0.2)))


def test_cost_that_luck_explains_is_not_called_certain() -> None:
    text = ladder(noisy(early_stopping_gain=q(0.02, 0.05), memorization_cost=q(0.03, 0.05)))
    assert "paid" not in text
    assert "3 points below its best" in text
    assert "do not make certain" in text


def test_no_cost_is_no_loss() -> None:
    text = ladder(noisy(early_stopping_gain=q(0.0, 0.01), memorization_cost=q(0.004, 0.01)))
    assert "stayed within 1 point of its best" in text
    assert "paid" not in text


def test_reversed_cost_says_that_stopping_early_would_have_hurt() -> None:
    text = ladder(noisy(early_stopping_gain=q(-0.04, 0.01), memorization_cost=q(0.0, 0.0)))
    assert "stopping it early would have cost 4 points" in text


def test_network_at_chance_paid_nothing() -> None:
    text = ladder(
        noisy(
            test_accuracy=q(0.11, 0.02),
            early_stopped_test_accuracy=q(0.12, 0.02),
            early_stopped_recovered=q(0.11, 0.03),
        )
    )
    assert "stayed near chance (0.11; guessing gives 0.10)" in text
    assert "saw through no more lies than guessing" in text
    assert "lookup table" not in text


def test_more_lies_seen_through_than_repeated_to_the_end() -> None:
    text = ladder(
        noisy(
            train_accuracy_corrupted=q(0.2, 0.05),
            recovered_true_labels=q(0.7, 0.05),
            memorization_onset=None,
        )
    )
    assert "To the end it saw through more lies than it repeated (70 % against 20 %)" in text


def test_gaps_that_overlap_are_not_told_apart() -> None:
    text = ladder(clean(generalization_gap=q(0.2, 0.1)), noisy(generalization_gap=q(0.24, 0.1)))
    assert "the intervals overlap" in text
    assert "grew" not in text


def test_gap_that_shrinks_is_said_to_shrink() -> None:
    assert "shrank from 0.40" in ladder(clean(generalization_gap=q(0.4)), noisy())


def test_one_seed_makes_nothing_certain() -> None:
    names = [name for name in Row.model_fields if noisy().quantity(name)]
    bare = {name: q(noisy().quantity(name).mean, None, 1) for name in names}  # type: ignore[union-attr]
    text = ladder(clean(), noisy(**bare), seeds=[0])
    assert "With one seed there is no interval" in text
    for certain in ("lookup table", "paid", "grew"):
        assert certain not in text
    assert "ended 11 points below its best" in text


def test_the_fraction_nearest_to_four_tenths_is_told() -> None:
    near = noisy().model_copy(update={"corruption_fraction": 0.3})
    far = noisy().model_copy(update={"corruption_fraction": 0.9})
    assert ladder(clean(), near, far).startswith("With 30 %")


def test_unfinished_run_says_so() -> None:
    text = ladder(clean(), noisy(), state="running", complete=False, epoch=37.0)
    assert text.startswith("So far (epoch 37): with 40 %")
    assert "0.76 now" in text
    assert "at the end" not in text


def test_axis_values_that_have_come_unequally_far_are_said_to_have() -> None:
    behind, ahead = clean(epoch=100.0), noisy(epoch=3.0, finished=0)
    text = ladder(behind, ahead, state="running", complete=False, epoch=100.0)
    assert "some to epoch 3, some to 100" in text
    assert "equally far" not in ladder(behind, noisy(epoch=60.0))


def test_diverged_networks_are_counted() -> None:
    assert "1 of 6 networks diverged and is left out." in ladder(clean(), noisy(), diverged=1)
    assert "2 of 6 networks diverged and are left out." in ladder(clean(), noisy(), diverged=2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"diverged": 3}, "All 3 networks diverged"),
        ({}, "finished without a single evaluation"),
        ({"state": "queued", "complete": False}, "is queued and has not been evaluated"),
    ],
)
def test_run_without_figures_says_why(changes: dict[str, object], said: str) -> None:
    assert said in sentences(findings([row({NOISE: 0.4})], [NOISE], **changes))[0]


def schedules(low: float, high: float, half: float | None = 0.005) -> Findings:
    n = 1 if half is None else 3
    rows = [
        row(
            {"schedule.kind": name},
            kind="none",
            train_accuracy=q(1.0, half, n),
            test_accuracy=q(mean, half, n),
            generalization_gap=q(1 - mean, half, n),
            updates=updates,
        )
        for name, mean, updates in (("decay-rate", low, 78125.0), ("grow-batch", high, 28875.0))
    ]
    return findings(rows, ["schedule.kind"])


def test_schedules_that_overlap_are_not_told_apart() -> None:
    text = " ".join(sentences(schedules(0.941, 0.944)))
    assert "does not tell the 2 apart" in text
    assert "0.941 (decay-rate) to 0.944 (grow-batch), and the intervals overlap" in text
    assert "Grow-batch made 28,875 updates, decay-rate 78,125." in text


def test_schedules_that_differ_are_named() -> None:
    said = sentences(schedules(0.90, 0.944))[0]
    assert said.startswith("Grow-batch ended with the highest accuracy on data not seen, 0.944")
    assert "decay-rate with the lowest, 0.900" in said
    assert "their 95 % intervals do not overlap" in said


def test_comparison_of_single_seeds_claims_no_difference() -> None:
    text = " ".join(sentences(schedules(0.90, 0.944, None)))
    assert "tell" not in text
    assert "overlap" not in text


def test_optimizers_are_named_with_their_values() -> None:
    rows = [
        row({"optimizer": f"learning_rate={eta},batch_size=64"}, kind="none",
            train_accuracy=q(1.0), test_accuracy=q(mean))
        for eta, mean in ((0.1, 0.9), (0.2, 0.8))
    ]  # fmt: skip
    said = sentences(findings(rows, ["optimizer"]))[0]
    assert said.startswith("Learning rate 0.1, batch size 64 ended with the highest")


def test_widths_are_numbers_with_a_name() -> None:
    rows = [
        row({"model.width": width}, kind="none", train_accuracy=q(1.0), test_accuracy=q(mean))
        for width, mean in ((32, 0.8), (512, 0.9))
    ]
    assert sentences(findings(rows, ["model.width"]))[0].startswith("Width 512 ended")


def test_regularizers_are_compared_under_the_same_lies() -> None:
    rows = [
        row({"regularization": name}, train_accuracy=q(1.0), test_accuracy=q(test),
            train_accuracy_corrupted=q(lies), recovered_true_labels=q(seen))
        for name, test, lies, seen in (("plain", 0.7, 1.0, 0.0), ("dropout=0.5", 0.9, 0.3, 0.6))
    ]  # fmt: skip
    said = sentences(findings(rows, ["regularization"]))
    assert said[0].startswith("With 40 % of the labels replaced at random, dropout 0.5 ended with")
    assert said[1] == "Fewest lies were fitted with dropout 0.5 (30 %), most with plain (100 %)."
    assert said[2].startswith("Most lies were seen through with dropout 0.5 (60 %)")


def kinds(*fits: float) -> Findings:
    names = ("none", "pixel-shuffle", "inputs")
    rows = [
        row({"corruption.kind": name}, kind=name, fraction=1.0, train_accuracy=q(fit, 0.001),
            test_accuracy=q(test))
        for name, fit, test in zip(names, fits, (0.96, 0.95, 0.1), strict=True)
    ]  # fmt: skip
    return findings(rows, ["corruption.kind"])


def test_kinds_of_data_that_are_all_fitted() -> None:
    said = sentences(kinds(1.0, 1.0, 1.0))
    assert said[0] == "The network fitted all 3 kinds of data (train accuracy of 0.99 or more)."
    assert "0.95 with pixels shuffled in one way" in said[1]
    assert "guessing gives 0.10" in said[1]


def test_kind_that_is_not_fitted_is_named() -> None:
    said = sentences(kinds(1.0, 1.0, 0.4))
    assert "fitted 2 of 3 kinds" in said[0]
    assert "Gaussian noise as inputs (0.40" in said[0]


def crossed(small: float) -> Findings:
    rows = [
        row({NOISE: fraction, "model.width": width}, train_accuracy=q(1.0),
            train_accuracy_corrupted=q(fit) if fraction else None,
            epochs_to_fit=q(epochs), test_accuracy=q(test))
        for fraction, width, fit, epochs, test in (
            (0.0, 32, 1.0, 10, 0.93), (0.0, 512, 1.0, 5, 0.96),
            (1.0, 32, small, 60, 0.1), (1.0, 512, 1.0, 15, 0.11),
        )
    ]  # fmt: skip
    return findings(rows, [NOISE, "model.width"])


def test_crossed_axes_tell_who_fits_and_how_much_longer_it_takes() -> None:
    said = sentences(crossed(1.0))
    assert said[0].startswith("With all labels replaced at random, all 2 networks compared fitted")
    assert "took 3.0 to 6.0 times as many epochs" in said[1]
    assert "0.93 to 0.96 without noise and 0.10 to 0.11 with it" in said[2]


def test_crossed_axes_name_who_does_not_fit() -> None:
    assert "with width 512, but not with width 32 (71 %)." in sentences(crossed(0.71))[0]


def test_input_noise_has_examples_and_no_lies() -> None:
    text = ladder(noisy(early_stopped_recovered=None).model_copy(
        update={"corruption_kind": "inputs"}))  # fmt: skip
    assert text.startswith("With 40 % of the inputs replaced by Gaussian noise")
    assert "every corrupted example" in text
    assert "lie" not in text


def test_single_network_without_noise() -> None:
    said = sentences(findings([clean()], []))
    assert said[0].startswith("The network reached a train accuracy of 1.000")
    assert "a gap of 4 points" in said[0]
