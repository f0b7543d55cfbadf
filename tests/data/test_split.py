"""Splits against their definition: disjoint, in proportion, keyed by the seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from memlab.data.dataset import Raw
from memlab.data.split import Splits, split, stratified
from memlab.data.stratification import apportioned
from memlab.errors import InvalidExperiment
from memlab.experiment.material_spec import DatasetSpec


def names(classes: int) -> list[str]:
    return [f"c{label}" for label in range(classes)]


def drawn(y: np.ndarray, sizes: list[int], seed: int, classes: int) -> list[np.ndarray]:
    return stratified(y, sizes, np.random.default_rng(seed), names(classes))


def raw(y: np.ndarray, test_y: np.ndarray | None = None) -> Raw:
    """Row i of x is i in all features, so that a row can be told from its content."""
    x = np.repeat(np.arange(len(y), dtype=np.float32)[:, None], 3, 1)
    test_x = None if test_y is None else 10_000 + np.ones((len(test_y), 3), np.float32)
    return Raw("mine", x, y, test_x, test_y, tuple(names(int(y.max()) + 1)))


def labels_of(counts: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def spec(**values: object) -> DatasetSpec:
    return DatasetSpec.model_validate({"name": "npz:mine.npz", **values})


balanced = st.lists(st.integers(0, 60), min_size=2, max_size=12)
shares = st.lists(st.floats(0.02, 1.0), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(balanced, shares, st.booleans(), st.integers(0, 5))
def test_parts_are_disjoint_and_each_class_is_within_one_of_its_share(counts, parts, all_, seed):
    total = sum(counts)
    scale = total / sum(parts) if all_ else total / 3.1
    sizes = [max(1, int(part * scale)) for part in parts]
    if all_:
        sizes[0] += total - sum(sizes)
    assume(min(sizes) > 0 and sum(sizes) <= total)
    # Where every class must be in every part, a share below one example may be out of reach.
    wide = [size for size in sizes if size >= len(counts)]
    assume(all(size * count >= total for size in wide for count in counts))
    y = labels_of(counts)
    found = drawn(y, sizes, seed, len(counts))
    assert [len(index) for index in found] == sizes
    joined = np.concatenate(found)
    assert len(np.unique(joined)) == len(joined)
    for index, size in zip(found, sizes, strict=True):
        have = np.bincount(y[index], minlength=len(counts))
        assert (np.abs(have - size * np.array(counts) / total) < 1).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(3, 40), min_size=2, max_size=15), st.integers(0, 3))
def test_three_examples_of_a_class_are_enough_for_one_in_each_part(counts, seed):
    total = sum(counts)
    test = max(len(counts), total // 5)
    assume(total - 2 * test >= len(counts))
    y = labels_of(counts)
    for index in drawn(y, [total - 2 * test, test, test], seed, len(counts)):
        assert set(y[index]) == set(range(len(counts)))


def test_many_rare_classes_beside_a_common_one_are_in_every_part():
    y = labels_of([1000, *[4] * 50])
    for index in drawn(y, [720, 240, 240], 0, 51):
        assert len(set(y[index])) == 51


def test_a_table_rounded_up_or_down_is_found_wherever_all_examples_are_used():
    # Rounding each part by itself, largest remainder first, leaves no way out of the first.
    tables = [([6, 3, 6], [9, 4, 2])]
    draws = np.random.default_rng(0)
    for _ in range(2000):
        counts = draws.integers(3, 9, draws.integers(2, 7))
        ends = np.sort(draws.choice(np.arange(1, counts.sum()), 2, replace=False))
        tables.append((counts.tolist(), np.diff([0, *ends, counts.sum()]).tolist()))
    for counts, sizes in tables:
        found = apportioned(sizes, np.array(counts))
        assert (found.sum(0) == sizes).all()
        assert (found.sum(1) == counts).all()
        share = np.outer(counts, sizes) / sum(counts)
        wide = np.array(sizes) >= len(counts)
        assert (found[:, wide] >= 1).all()
        if (share[:, wide] >= 1).all():
            assert (np.abs(found - share) < 1).all()


def test_a_seed_gives_the_same_split_again_and_another_seed_another():
    data = raw(labels_of([50, 70, 30]))
    once, again = split(data, spec(split_seed=3)), split(data, spec(split_seed=3))
    other = split(data, spec(split_seed=4))
    for part in ("train", "validation", "test"):
        a, b, c = (getattr(found, part).index for found in (once, again, other))
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


def test_examples_are_in_no_order_of_class():
    y = split(raw(labels_of([100, 100])), spec()).train.y
    assert (np.diff(y) != 0).sum() > 20


def test_a_part_holds_the_rows_that_its_index_says():
    data = raw(labels_of([20, 20, 20]))
    found = split(data, spec(scaling="unit"))
    rows = np.concatenate([found.train.index, found.validation.index, found.test.index])
    assert sorted(rows) == list(range(60))
    low, high = found.train.index.min(), found.train.index.max()
    for part in (found.train, found.validation, found.test):
        np.testing.assert_array_equal(part.y, data.y[part.index])
        np.testing.assert_allclose(part.x[:, 0], (part.index - low) / (high - low), rtol=1e-6)


def parts(found: Splits) -> list[int]:
    return [len(part.y) for part in (found.train, found.validation, found.test)]


def test_users_data_are_split_60_20_20_or_80_20_beside_a_test_set():
    y = labels_of([50, 50])
    assert parts(split(raw(y), spec())) == [60, 20, 20]
    assert parts(split(raw(y, labels_of([9, 9])), spec())) == [80, 20, 18]


def test_the_official_test_set_alone_is_the_test_part():
    found = split(raw(labels_of([50, 50]), labels_of([15, 15])), spec(scaling="unit", test=20))
    assert parts(found) == [80, 20, 20]
    assert (found.test.x > 90).all()
    assert (found.validation.x < 2).all()
    assert found.test.index.max() < 30


def test_validation_comes_from_the_test_file_where_training_takes_all_of_the_other():
    found = split(
        raw(labels_of([50, 50]), labels_of([20, 20])),
        spec(train=100, validation=10, scaling="unit"),
    )
    assert parts(found) == [100, 10, 30]
    assert (found.validation.x > 90).all()
    assert not set(found.validation.index) & set(found.test.index)


def test_scaling_knows_the_training_part_only():
    found = split(raw(labels_of([50, 50]), labels_of([20, 20])), spec())
    assert abs(found.train.x.mean()) < 1e-5
    assert abs(found.train.x.std() - 1) < 1e-5
    assert found.test.x.mean() > 100


def test_a_class_with_too_few_examples_is_named():
    with pytest.raises(InvalidExperiment, match=r"class 'c1' has only 2 examples, too few.*90, 6"):
        drawn(labels_of([100, 2]), [90, 6, 6], 0, 2)
    with pytest.raises(InvalidExperiment, match="class 'c2' has only 0 examples in the test set"):
        split(raw(labels_of([30, 30, 30]), labels_of([9, 9])), spec())


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        (raw(labels_of([50, 50])), {"train": 90}),
        (raw(labels_of([50, 50])), {"train": 50, "validation": 30, "test": 30}),
        (raw(labels_of([50, 50]), labels_of([9, 9])), {"test": 19}),
        (raw(labels_of([50, 50]), labels_of([9, 9])), {"train": 101}),
        (raw(labels_of([50, 50]), labels_of([9, 9])), {"train": 100, "validation": 18}),
    ],
)
def test_more_examples_than_there_are_is_refused_with_how_many_there_are(data, asked):
    with pytest.raises(InvalidExperiment, match=r"are more than mine has \(100 .*dataset\.train"):
        split(data, spec(**asked))


def test_fake_classes_are_disjoint_of_the_papers_size_and_no_examples_true_class():
    data, made = raw(labels_of([40, 40, 40])), []
    plain = split(data, spec(train=90, validation=15, test=15))
    for which in (1, 2):
        found = split(data, spec(train=90, validation=15, test=15, fake_class=which))
        assert (found.classes, found.true_classes) == (4, 3)
        assert len(found.class_names) == 4
        np.testing.assert_array_equal(found.train.index, plain.train.index)
        np.testing.assert_array_equal(found.train.y, plain.train.y)
        made.append(found.fake)
    assert [int(mask.sum()) for mask in made] == [90 // 4, 90 // 4]
    assert not (made[0] & made[1]).any()
    assert (plain.classes, plain.true_classes, plain.fake) == (3, 3, None)


def test_too_few_examples_for_a_fake_class_are_refused():
    with pytest.raises(InvalidExperiment, match="needs at least 4 training examples"):
        split(raw(labels_of([3, 3, 3])), spec(train=3, validation=3, test=3, fake_class=1))


def test_whole_trains_on_all_examples_in_their_order_and_holds_out_what_a_network_lacks():
    y = labels_of([2, 5, 9])
    found = split(raw(y), spec(whole=True, subset=0.7))
    assert found.train.index.tolist() == list(range(16))
    assert found.train.y.tolist() == y.tolist()
    assert found.held_out == ("validation", "test")
    assert found.validation.y.tolist() == found.test.y.tolist() == [0, 1, 2]


def test_whole_leaves_an_official_test_set_alone():
    found = split(raw(labels_of([4, 6]), np.array([0, 1, 1])), spec(whole=True))
    assert found.held_out == ("validation",)
    assert found.test.y.tolist() == [0, 1, 1]
    assert len(found.train.y) == 10


def test_whole_and_sizes_of_parts_exclude_each_other():
    with pytest.raises(InvalidExperiment, match="trains on all examples"):
        split(raw(labels_of([9, 9])), spec(whole=True, train=4))
