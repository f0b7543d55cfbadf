"""What the tail brings and how like significant pairs are, where both are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memlab.runs.influence import PAIR
from memlab.runs.outcomes import Outcomes
from memlab.runs.tail import likeness, tail

TRAIN, TEST, TAIL, GAIN = 40, 500, 6, 0.02


def outcomes_of(networks: int = 600, gain: float = GAIN, seed: int = 0) -> Outcomes:
    """Six truths that only those know who saw them; each brings `gain` of test accuracy."""
    rng = np.random.default_rng(seed)
    own = np.stack([rng.permutation(TRAIN) < round(0.7 * TRAIN) for _ in range(networks)])
    right = np.ones((networks, TRAIN + TEST), bool)
    right[:, :TAIL] = own[:, :TAIL]
    chance = 0.6 + gain * own[:, :TAIL].sum(1, keepdims=True)
    right[:, TRAIN:] = rng.random((networks, TEST)) < chance
    labels = (np.arange(TRAIN + TEST) % 2).astype(np.int32)
    return Outcomes(
        own=own,
        correct=right,
        margin=np.where(right, 1.0, -1.0).astype(np.float16),
        given=labels,
        true=labels,
        corrupted=np.zeros(TRAIN, bool),
        index=np.arange(TRAIN + TEST),
        class_names=("a", "b"),
        seeds=np.arange(networks),
    )


def test_the_tail_brings_what_it_was_made_to_bring_and_others_nothing():
    found = tail(outcomes_of())
    assert found is not None
    assert found["examples"] == TAIL
    # Subsets are of one size: who is out makes room for another, of the tail or not.
    other = TAIL * GAIN / (TRAIN - 1)
    expected = {
        "together": TAIL * (GAIN - other + GAIN / (TRAIN - 1)),
        "others": -TAIL * other,
        "difference": TAIL * GAIN * TRAIN / (TRAIN - 1),
    }
    for name, value in expected.items():
        assert found[name]["low"] < value < found[name]["high"], name
    assert found["difference"]["low"] > 0


def test_its_interval_covers_nothing_where_the_tail_brings_nothing():
    covered = 0
    for seed in range(40):
        found = tail(outcomes_of(100, 0.0, seed))
        assert found is not None
        covered += found["difference"]["low"] <= 0 <= found["difference"]["high"]
    assert covered >= 35


def test_lies_are_no_tail_and_without_one_nothing_is_said():
    made = outcomes_of(100)
    corrupted = np.arange(TRAIN) < TAIL
    assert tail(replace(made, corrupted=corrupted)) is None


@pytest.mark.parametrize("train_target", [True, False])
def test_pairs_that_lie_side_by_side_are_closer_than_drawn_ones(train_target):
    made = outcomes_of(20)
    values = np.zeros((TRAIN + TEST, 2), np.float16)
    values[:, 0] = np.arange(TRAIN + TEST) % 40
    values[:, 1] = 30.0 * made.given
    made = replace(made, inputs=values)
    pairs = np.zeros(3, PAIR)
    pairs["of"] = [0, 2, 4]
    pairs["to"] = [2, 4, 6] if train_target else [42, 44, 46]
    found = likeness(made, pairs[:2], train_target)
    assert found["distance"] == 2.0
    assert found["distance"] < found["distance_same_class"] < found["distance_of_all"]


def test_without_inputs_or_pairs_no_distance_is_said():
    made = outcomes_of(20)
    pairs = np.zeros(1, PAIR)
    assert set(likeness(made, pairs, False).values()) == {None}
    made = replace(made, inputs=np.zeros((TRAIN + TEST, 2), np.float16))
    found = likeness(made, pairs[:0], False)
    assert found["distance"] is None
    assert found["distance_of_all"] == 0.0
