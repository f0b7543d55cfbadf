"""Noise of labels from probabilities: which way classes are mixed up, and how many are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.runs.fake_class import below_threshold
from memlab.runs.label_noise import (
    confident_class,
    confident_joint,
    flips,
    noise_matrix,
    posterior,
    unmixed,
    wrong_labels,
)

CLASSES, EACH = 4, 250


def mixed(rate: float, seed: int = 0, sure: float = 0.9) -> tuple[np.ndarray, ...]:
    """(probabilities, given, true): a share of each class is given the next one's label.

    Networks know the true class, and say what they learned: the mixture of given labels.
    """
    generator = np.random.default_rng(seed)
    true = np.repeat(np.arange(CLASSES), EACH)
    wrong = generator.random(len(true)) < rate
    given = np.where(wrong, (true + 1) % CLASSES, true)
    clean = np.full((len(true), CLASSES), (1 - sure) / (CLASSES - 1))
    clean[np.arange(len(true)), true] = sure
    turn = (1 - rate) * np.eye(CLASSES) + rate * np.roll(np.eye(CLASSES), 1, axis=1)
    return clean @ turn, given, true


def test_the_joint_counts_given_and_true_labels_and_its_rows_are_the_given_ones():
    probabilities, given, true = mixed(0.2)
    joint = confident_joint(probabilities, given)
    table = np.zeros((CLASSES, CLASSES))
    np.add.at(table, (given, true), 1 / len(given))
    np.testing.assert_allclose(joint, table, atol=1e-12)
    np.testing.assert_allclose(noise_matrix(joint).sum(1), 1.0)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3])
def test_the_number_of_wrong_labels_is_within_its_interval(rate):
    probabilities, given, true = mixed(rate)
    found = wrong_labels(probabilities, given)
    assert found.low <= (given != true).sum() <= found.high
    assert found.high - found.low < 0.15 * len(given)


def test_examples_that_nobody_judged_count_for_nothing():
    probabilities, given, _ = mixed(0.2)
    lacking = probabilities.copy()
    lacking[::7] = np.nan
    assert (confident_class(lacking, given)[::7] == -1).all()
    assert np.isfinite(confident_joint(lacking, given)).all()


def test_flips_are_what_goes_one_way_and_confusion_both_ways_is_none():
    both_ways = np.array([[0.35, 0.15], [0.15, 0.35]])
    np.testing.assert_array_equal(flips(both_ways, 10_000), np.eye(2))
    probabilities, given, _ = mixed(0.4)
    found = flips(confident_joint(probabilities, given), len(given))
    assert (np.diag(found) < 0.75).all()
    np.testing.assert_allclose(found.sum(0), 1.0)
    off = found - np.diag(np.diag(found))
    assert (off.argmax(0) == (np.arange(CLASSES) + 1) % CLASSES).all()
    few = flips(confident_joint(probabilities, given), 4)
    np.testing.assert_array_equal(few, np.eye(CLASSES))


def test_unmixing_takes_back_what_mixing_did():
    generator = np.random.default_rng(1)
    clean = generator.dirichlet(np.ones(CLASSES), 50)
    turn = 0.7 * np.eye(CLASSES) + 0.3 * np.roll(np.eye(CLASSES), 1, axis=0)
    np.testing.assert_allclose(unmixed(clean @ turn.T, turn), clean, atol=1e-3)


def test_a_label_that_a_flip_explains_says_little_against_the_class_it_came_from():
    turn = np.array([[0.6, 0.0], [0.4, 1.0]])
    true = np.array([[0.6, 0.4], [0.6, 0.4]])
    given_second, given_first = posterior(true, np.array([1, 0]), turn)
    assert given_second[0] < true[0, 0]
    assert given_first[0] > 0.9


def test_below_the_threshold_lies_what_every_set_that_judges_it_puts_there():
    samples = np.linspace(-2.0, 0.0, 101)
    areas = [np.array([-1.0, -1.0, 1.0, np.nan]), np.array([-1.0, 1.0, np.nan, np.nan])]
    below, count = below_threshold(areas, [samples, samples])
    assert below.tolist() == [True, False, False, False]
    assert count.low <= count.value == 1.0 <= count.high


def test_the_ends_of_how_many_are_wrong_are_what_is_surely_bad_and_what_any_set_puts_below():
    """Of 1,000 right labels, 30 are as hard as the mildest wrong ones; 100 more are wrong."""
    generator = np.random.default_rng(0)
    samples = generator.normal(-3.0, 1.0, 90)
    hard = np.concatenate([np.full(30, -1.2), generator.normal(4.0, 1.0, 970)])
    wrong = generator.normal(-4.0, 1.0, 100)
    _, none = below_threshold([hard], [samples])
    assert none.low == 0.0
    assert none.value <= none.high
    _, count = below_threshold([np.concatenate([hard, wrong])], [samples])
    assert 0.0 < count.low <= 100.0 <= count.high
    assert (count.low, count.high) == (int(count.low), int(count.high))
