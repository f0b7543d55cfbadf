"""Corruption: exact where its definition is exact, the right distribution where it is random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from memlab.data.corruption import chosen, corrupt
from memlab.data.split import Part, Splits
from memlab.experiment import grid
from memlab.experiment.material_spec import CORRUPTIONS, CorruptionSpec
from memlab.experiment.reading import experiment
from memlab.worker.material import Material

KINDS = tuple(kind for kind in CORRUPTIONS if kind != "none")
LABELS = ("labels", "labels-other", "labels-pair")
INPUTS = ("inputs", "pixel-shuffle", "pixel-random")


def splits(train: int = 60, test: int = 20, classes: int = 5, image: bool = True) -> Splits:
    """Each pixel of an example has a value of its own; channel c of a position adds 0.25 · c."""
    draws = np.random.default_rng(train + classes)

    def part(count: int) -> Part:
        positions = draws.permuted(np.tile(np.arange(36.0), (count, 1)), axis=1)
        positions = positions.reshape(count, 1, 6, 6) + 100 * draws.random((count, 1, 1, 1))
        x = positions + np.array([0, 0.25, 0.5]).reshape(1, 3, 1, 1)
        x = x if image else x.reshape(count, -1)
        y = draws.permutation(np.arange(count) % classes)
        return Part(x.astype(np.float32), y.astype(np.int64), np.arange(count))

    shape = (3, 6, 6) if image else None
    return Splits(
        part(train), part(test), part(test), classes, shape, tuple("abcdefghij"[:classes])
    )


def noise(kind: str, fraction: float, **more: object) -> CorruptionSpec:
    return CorruptionSpec.model_validate({"kind": kind, "fraction": fraction, **more})


fractions = st.one_of(st.sampled_from((0.0, 0.2, 0.5, 1.0)), st.floats(0, 1))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(KINDS), fractions, st.integers(0, 3), st.integers(1, 80), st.booleans())
def test_exactly_the_rounded_share_is_drawn_and_the_rest_is_untouched(
    kind, fraction, seed, count, image
):
    data = splits(max(count, 5), image=image)
    found = corrupt(data, noise(kind, fraction), seed)
    exact = round(fraction * len(data.train.y))
    if "+" in kind:
        assert exact <= found.drawn.sum() <= 2 * exact
    else:
        assert found.drawn.sum() == exact
    clean = ~found.drawn
    assert found.train_x[clean].tobytes() == data.train.x[clean].tobytes()
    assert found.train_given[clean].tobytes() == data.train.y[clean].tobytes()
    assert found.train_true is data.train.y
    assert found.train_x.dtype == np.float32
    assert found.train_given.dtype == np.int64


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), fractions, st.integers(0, 3))
def test_the_remembered_mask_marks_changed_labels_and_replaced_inputs(kind, fraction, seed):
    data = splits()
    found = corrupt(data, noise(kind, fraction), seed)
    lies = found.train_given != data.train.y
    moved = (found.train_x != data.train.x).any((1, 2, 3))
    # The pixels of an example differ from one another: each replaced input is another input.
    np.testing.assert_array_equal(found.corrupted, lies | moved)
    assert not (found.corrupted & ~found.drawn).any()
    assert found.changed_fraction == pytest.approx(found.corrupted.mean())
    if "labels" not in kind or "other" in kind or "pair" in kind:
        np.testing.assert_array_equal(found.corrupted, found.drawn)


@pytest.mark.parametrize("kind", ["none", *KINDS])
@pytest.mark.parametrize("test", [False, True])
def test_fraction_zero_hands_out_the_very_arrays_of_the_split(kind, test):
    data = splits()
    found = corrupt(data, noise(kind, 0.0, test=test), 1)
    assert found.train_x is data.train.x
    assert found.train_given is data.train.y
    assert found.validation_x is data.validation.x
    assert found.validation_y is data.validation.y
    assert found.test_x is data.test.x
    assert found.test_y is data.test.y
    assert not found.corrupted.any()
    assert not found.drawn.any()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_more_noise_keeps_what_less_noise_did(kind, one, other, seed):
    data = splits()
    less, more = (corrupt(data, noise(kind, f), seed) for f in sorted((one, other)))
    assert not (less.drawn & ~more.drawn).any()
    lies = less.train_given != data.train.y
    np.testing.assert_array_equal(more.train_given[lies], less.train_given[lies])
    moved = (less.train_x != data.train.x).any((1, 2, 3))
    np.testing.assert_array_equal(more.train_x[moved], less.train_x[moved])


@given(st.integers(0, 300), fractions, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_the_chosen_are_a_share_of_any_number(count, fraction, seed):
    assert chosen(count, fraction, seed, "any").sum() == round(fraction * count)


def test_every_example_is_chosen_equally_often():
    hits = sum(chosen(40, 0.25, seed, "any").astype(int) for seed in range(2000))
    expected, variance = 2000 * 0.25, 2000 * 0.25 * 0.75
    # Of 40 counts with one sum, the squared deviations follow chi-square with 39 degrees.
    statistic = ((hits - expected) ** 2).sum() / variance * 39 / 40
    assert stats.chi2.sf(statistic, 39) > 1e-4


def given_by_true(kind: str, classes: int = 5) -> np.ndarray:
    data = splits(20_000, classes=classes)
    small = Splits(
        Part(data.train.x[:, :, :1, :1], data.train.y, data.train.index),
        *(data.validation, data.test, classes, None, data.class_names),
    )
    found = corrupt(small, noise(kind, 1.0), 0)
    table = np.zeros((classes, classes), dtype=int)
    np.add.at(table, (found.train_true, found.train_given), 1)
    return table


def test_random_labels_are_uniform_over_all_classes_the_true_one_included():
    table = given_by_true("labels")
    assert stats.chisquare(table.ravel()).pvalue > 1e-4
    assert np.diag(table).sum() / table.sum() == pytest.approx(0.2, abs=0.02)


def test_other_labels_are_always_wrong_and_uniform_over_the_wrong_ones():
    table = given_by_true("labels-other")
    assert (np.diag(table) == 0).all()
    assert stats.chisquare(table[~np.eye(5, dtype=bool)]).pvalue > 1e-4


def test_other_labels_of_two_classes_are_swapped():
    np.testing.assert_array_equal(given_by_true("labels-other", 2), [[0, 10_000], [10_000, 0]])


def test_pair_labels_move_each_class_to_the_next():
    np.testing.assert_array_equal(
        given_by_true("labels-pair"), 4000 * np.roll(np.eye(5, dtype=int), 1, axis=1)
    )


def positions(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), 3, 36)


def orders(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which position each pixel came from, `[n, 36]`, where a position's pixels are unlike."""
    same = positions(before)[:, 0, None, :] == positions(after)[:, 0, :, None]
    assert (same.sum(2) == 1).all()
    return same.argmax(2)


def test_shuffled_pixels_are_one_bijection_for_all_examples_channels_and_parts():
    data = splits()
    found = corrupt(data, noise("pixel-shuffle", 1.0, test=True), 0)
    order = orders(data.train.x, found.train_x)[0]
    assert sorted(order) == list(range(36))
    assert (order != np.arange(36)).any()
    for before, after in (
        (data.train.x, found.train_x),
        (data.validation.x, found.validation_x),
        (data.test.x, found.test_x),
    ):
        np.testing.assert_array_equal(positions(after), positions(before)[..., order])


def test_random_pixels_are_a_bijection_of_each_example_that_keeps_channels_together():
    data = splits()
    found = corrupt(data, noise("pixel-random", 1.0, test=True), 0)
    seen = []
    for before, after in ((data.train.x, found.train_x), (data.test.x, found.test_x)):
        each = orders(before, after)
        assert (np.sort(each, 1) == np.arange(36)).all()
        taken = np.take_along_axis(positions(before), each[:, None, :].repeat(3, 1), 2)
        np.testing.assert_array_equal(positions(after), taken)
        seen += [tuple(order) for order in each]
    assert len(set(seen)) == len(seen)


def test_random_pixels_are_uniform_permutations():
    data = splits(4000, image=False)
    found = corrupt(
        Splits(
            Part(data.train.x[:, :3], data.train.y, data.train.index),
            *(data.validation, data.test, 5, None, data.class_names),
        ),
        noise("pixel-random", 1.0),
        0,
    )
    same = data.train.x[:, None, :3] == found.train_x[:, :, None]
    kinds, counts = np.unique(same.argmax(2), axis=0, return_counts=True)
    assert len(kinds) == 6
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("kind", ["pixel-shuffle", "pixel-random"])
def test_what_is_no_image_is_permuted_feature_by_feature(kind):
    data = splits(image=False)
    found = corrupt(data, noise(kind, 1.0), 0)
    np.testing.assert_array_equal(np.sort(found.train_x, 1), np.sort(data.train.x, 1))
    first = found.train_x.reshape(-1, 3, 36) - data.train.x.reshape(-1, 3, 36)[:, :, :1]
    assert (first[:, 0] != first[:, 1]).any(), "the features stayed in threes"


def test_gaussian_inputs_have_the_moments_of_each_feature_and_no_more():
    draws = np.random.default_rng(5)
    mean, deviation = draws.normal(0, 3, 12), draws.uniform(0.1, 4, 12)
    mean[3], deviation[3] = 7.0, 0.0
    x = (mean + deviation * draws.choice([-1.0, 1.0], (6000, 12))).astype(np.float32)
    y = np.arange(6000) % 2
    part = Part(x, y, y)
    data = Splits(part, part, part, 2, None, ("a", "b"))
    found = corrupt(data, noise("inputs", 1.0), 0).train_x
    own, own_deviation = x.mean(0, dtype=float), x.std(0, dtype=float)
    assert (found[:, 3] == own[3]).all()
    standard = (np.delete(found, 3, 1) - np.delete(own, 3)) / np.delete(own_deviation, 3)
    assert np.abs(standard.mean(0)).max() < 5 / np.sqrt(6000)
    assert np.abs(standard.var(0) - 1).max() < 5 * np.sqrt(2 / 6000)
    assert stats.kstest(standard.ravel(), "norm").pvalue > 1e-4
    between = np.corrcoef(standard, rowvar=False) - np.eye(11)
    assert np.abs(between).max() < 5 / np.sqrt(6000)
    assert np.abs([np.corrcoef(standard[:, j], y)[0, 1] for j in range(11)]).max() < 0.07


def test_gaussian_test_inputs_have_the_moments_of_the_training_inputs():
    draws = np.random.default_rng(6)
    y = np.arange(4000) % 2
    train = Part(draws.normal(10, 2, (4000, 2)).astype(np.float32), y, y)
    other = Part(np.zeros((4000, 2), np.float32), y, y)
    data = Splits(train, other, other, 2, None, ("a", "b"))
    found = corrupt(data, noise("inputs", 1.0, test=True), 0)
    np.testing.assert_allclose(found.test_x.mean(0), 10, atol=0.2)
    np.testing.assert_allclose(found.test_x.std(0), 2, atol=0.15)
    assert (found.test_x != found.train_x).all()
    assert (found.test_x != found.validation_x).all()


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("inputs", INPUTS)
def test_a_combination_has_a_share_of_its_own_for_inputs(labels, inputs):
    data = splits(200)
    found = corrupt(data, noise(f"{labels}+{inputs}", 0.5, input_fraction=0.1), 0)
    moved = (found.train_x != data.train.x).any((1, 2, 3))
    assert moved.sum() == 20
    alone = corrupt(data, noise(labels, 0.5), 0)
    np.testing.assert_array_equal(found.train_given, alone.train_given)
    np.testing.assert_array_equal(found.drawn, alone.drawn | moved)
    only = corrupt(data, noise(inputs, 0.1), 0)
    np.testing.assert_array_equal(found.train_x, only.train_x)


def test_a_share_of_zero_switches_one_part_of_a_combination_off():
    data = splits()
    labels_only = corrupt(data, noise("labels-other+inputs", 0.5, input_fraction=0.0), 0)
    assert labels_only.train_x is data.train.x
    assert labels_only.corrupted.sum() == 30
    inputs_only = corrupt(data, noise("labels-other+inputs", 0.0, input_fraction=0.5), 0)
    assert inputs_only.train_given is data.train.y
    assert inputs_only.corrupted.sum() == 30


@pytest.mark.parametrize("kind", KINDS)
def test_validation_and_test_are_clean_unless_asked_for(kind):
    data = splits()
    clean = corrupt(data, noise(kind, 1.0), 0)
    assert clean.validation_x is data.validation.x
    assert clean.validation_y is data.validation.y
    assert clean.test_x is data.test.x
    assert clean.test_y is data.test.y
    asked = corrupt(data, noise(kind, 1.0, test=True), 0)
    for x, y, part in (
        (asked.validation_x, asked.validation_y, data.validation),
        (asked.test_x, asked.test_y, data.test),
    ):
        assert (y != part.y).any() == ("labels" in kind)
        assert (x != part.x).any((1, 2, 3)).all() == (kind not in LABELS)
    np.testing.assert_array_equal(asked.train_given, clean.train_given)
    np.testing.assert_array_equal(asked.train_x, clean.train_x)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_noise_again_and_another_seed_another(kind):
    data = splits()
    once, again, other = (corrupt(data, noise(kind, 0.5), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once.train_given, again.train_given)
    np.testing.assert_array_equal(once.train_x, again.train_x)
    assert (once.drawn != other.drawn).any()
    both = once.drawn & other.drawn
    if kind not in ("labels-pair", "labels", "labels-other"):
        assert (once.train_x[both] != other.train_x[both]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_split_is_left_as_it_was(kind):
    data = splits()
    before = data.train.x.copy(), data.train.y.copy(), data.test.x.copy()
    corrupt(data, noise(kind, 0.7, test=True), 0)
    for kept, now in zip(before, (data.train.x, data.train.y, data.test.x), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_a_shared_corruption_is_the_same_for_all_seeds_and_another_for_another_split():
    tree = {
        "dataset": {"name": "digits", "train": 100, "validation": 50, "test": 50},
        "corruption": {"kind": "labels", "fraction": 0.5, "shared": True},
        "axes": {"dataset.split_seed": [0, 1]},
        "seeds": 2,
    }
    material = Material([], lambda done, total: None)
    shared = [material.corrupted(m).train_given for m in grid.members(experiment(tree, "test"))]
    assert np.array_equal(shared[0], shared[1])
    assert not np.array_equal(shared[0], shared[2])
    tree["corruption"]["shared"] = False
    own = [material.corrupted(m).train_given for m in grid.members(experiment(tree, "test"))]
    assert not np.array_equal(own[0], own[1])


def test_threshold_samples_have_the_fake_class_and_the_others_the_labels_that_they_would_have():
    plain = splits(60)
    fake = np.arange(60) % 7 == 0
    data = replace(plain, classes=6, class_names=(*plain.class_names, "fake"), fake=fake)
    found = corrupt(data, noise("labels", 0.5, test=True), 3)
    expected = corrupt(plain, noise("labels", 0.5, test=True), 3)
    assert (found.train_given[fake] == 5).all()
    assert found.corrupted[fake].all()
    np.testing.assert_array_equal(found.train_given[~fake], expected.train_given[~fake])
    np.testing.assert_array_equal(found.corrupted[~fake], expected.corrupted[~fake])
    np.testing.assert_array_equal(found.test_y, expected.test_y)
    np.testing.assert_array_equal(found.train_true, plain.train.y)


def test_class_gaussians_have_the_means_and_covariances_of_their_classes():
    draws = np.random.default_rng(0)
    mixing = draws.standard_normal((3, 4, 4))
    y = np.arange(600) % 3
    x = np.einsum("nij,nj->ni", mixing[y], draws.standard_normal((600, 4))) + 5.0 * y[:, None]
    train = Part(x.astype(np.float32), y, np.arange(600))
    many = Part(np.zeros((60_000, 4), np.float32), np.arange(60_000) % 3, np.arange(60_000))
    data = Splits(train, train, many, 3, None, ("a", "b", "c"))
    found = corrupt(data, noise("inputs-class", 1.0, test=True), 0)
    np.testing.assert_array_equal(found.test_y, many.y)
    for label in range(3):
        own, made = x[y == label], found.test_x[many.y == label].astype(np.float64)
        # 20,000 draws: standard errors of 1/141 deviations, and about as much of a covariance
        scale = own.std(0)
        assert (np.abs(made.mean(0) - own.mean(0)) < 0.04 * scale).all()
        wrong = np.cov(made.T, bias=True) - np.cov(own.T, bias=True)
        assert (np.abs(wrong) < 0.06 * np.outer(scale, scale)).all()
    assert found.corrupted.all()
    assert not (found.train_x == x.astype(np.float32)).any()
    assert (found.train_given == y).all()


def test_a_class_gaussian_is_drawn_for_the_seed_and_by_true_labels_where_these_are_lies():
    data = splits()
    one, other = (corrupt(data, noise("inputs-class", 1.0), seed).train_x for seed in (0, 1))
    assert not np.array_equal(one, other)
    lied = corrupt(data, noise("labels-other+inputs-class", 1.0), 0)
    np.testing.assert_array_equal(lied.train_x, one)
