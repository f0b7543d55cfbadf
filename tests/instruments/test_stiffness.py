"""Stiffness against plain double loops over pairs, and its decay against known lines."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from memlab.instruments import stiffness, stiffness_distance

MEMBERS, TRAIN, VALIDATION, CLASSES = 2, 9, 5, 4


@pytest.fixture
def gradients() -> Tensor:
    """Gradients of train and validation examples, `[members, examples, parameters]`."""
    generator = torch.Generator().manual_seed(3)
    shape = (MEMBERS, TRAIN + VALIDATION, 6)
    return torch.randn(shape, generator=generator, dtype=torch.float64) + 0.3


@pytest.fixture
def labels() -> Tensor:
    """Classes 0 to 2 of several examples each, class 3 of one training example only."""
    generator = torch.Generator().manual_seed(4)
    drawn = torch.randint(0, CLASSES - 1, (MEMBERS, TRAIN + VALIDATION), generator=generator)
    drawn[:, 0] = CLASSES - 1
    return drawn


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def by_loops(
    gradients: Tensor, labels: Tensor, rows: range, columns: range, keep: object = None
) -> np.ndarray:
    """Class matrices of cosine stiffness of pairs of different examples, by the definition."""
    found = np.full((MEMBERS, CLASSES, CLASSES), np.nan)
    for member in range(MEMBERS):
        for a in range(CLASSES):
            for b in range(CLASSES):
                pairs = [
                    cosine(gradients[member, i], gradients[member, j])
                    for i in rows
                    for j in columns
                    if i != j
                    and labels[member, i] == a
                    and labels[member, j] == b
                    and (keep is None or keep(member, i, j))
                ]
                found[member, a, b] = mean(pairs)
    return found


def test_train_pairs_by_class_equal_a_double_loop(gradients: Tensor, labels: Tensor) -> None:
    own, given = gradients[:, :TRAIN], labels[:, :TRAIN]
    values = stiffness.cosines(own @ own.mT)
    found = stiffness.by_group(values, given, groups=CLASSES)
    expected = by_loops(gradients, labels, range(TRAIN), range(TRAIN))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[:, 3, 3].isnan().all()


def test_train_validation_pairs_equal_a_double_loop(gradients: Tensor, labels: Tensor) -> None:
    values = stiffness.cosines(gradients @ gradients.mT)[:, :TRAIN, TRAIN:]
    found = stiffness.by_group(values, labels[:, :TRAIN], labels[:, TRAIN:], groups=CLASSES)
    both = range(TRAIN + VALIDATION)
    expected = by_loops(gradients, labels, both[:TRAIN], both[TRAIN:])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_means_over_all_pairs_leave_out_the_diagonal(gradients: Tensor) -> None:
    gram = gradients @ gradients.mT
    count = TRAIN + VALIDATION
    one_group = torch.zeros(1, count, dtype=torch.int64)
    found = stiffness.by_group(stiffness.signs(gram), one_group, groups=1)
    for member in range(MEMBERS):
        dots = [
            float(gradients[member, i] @ gradients[member, j])
            for i in range(count)
            for j in range(count)
            if i != j
        ]
        signs = mean([math.copysign(1, dot) for dot in dots])
        assert float(found[member, 0, 0]) == pytest.approx(signs)


def test_class_means_count_each_class_the_same() -> None:
    nan = math.nan
    matrix = torch.tensor([[[1.0, 0.2, nan], [0.2, 0.5, 0.4], [nan, 0.6, nan]]])
    assert float(stiffness.within_class(matrix)) == pytest.approx(0.75)
    assert float(stiffness.between_class(matrix)) == pytest.approx((0.2 + 0.2 + 0.4 + 0.6) / 4)


def test_pairs_split_by_corruption_equal_a_double_loop(gradients: Tensor, labels: Tensor) -> None:
    own, given = gradients[:, :TRAIN], labels[:, :TRAIN]
    corrupted = torch.arange(TRAIN).expand(MEMBERS, -1) % 3 == 1
    found = stiffness.by_corruption(stiffness.cosines(own @ own.mT), given, corrupted, CLASSES)
    for name, first, second in (
        ("clean-clean", False, False),
        ("clean-corrupted", False, True),
        ("corrupted-corrupted", True, True),
    ):
        expected = by_loops(
            gradients,
            labels,
            range(TRAIN),
            range(TRAIN),
            lambda m, i, j, a=first, b=second: corrupted[m, i] == a and corrupted[m, j] == b,
        )
        np.testing.assert_allclose(found[name], expected, rtol=1e-12)


def test_zero_gradient_has_stiffness_zero_not_nan() -> None:
    gradients = torch.tensor([[[1.0, 0.0], [0.0, 0.0], [1e-18, 1e-18]]])
    gram = gradients @ gradients.mT
    values = stiffness.cosines(gram)
    assert not values.isnan().any()
    assert values[0, 0, 1] == 0
    assert stiffness.signs(gram)[0, 0, 1] == 0
    assert float(values[0, 0, 2]) == pytest.approx(math.sqrt(0.5), rel=1e-4)


def test_distances_are_one_minus_cosine_of_flattened_inputs() -> None:
    x = torch.randn(1, 4, 2, 3, dtype=torch.float64)
    y = torch.randn(1, 3, 2, 3, dtype=torch.float64)
    found = stiffness_distance.input_distances(x, y)
    for i in range(4):
        for j in range(3):
            expected = 1 - cosine(x[0, i].flatten(), y[0, j].flatten())
            assert float(found[0, i, j]) == pytest.approx(expected)
    assert stiffness_distance.input_distances(x).diagonal(dim1=1, dim2=2).abs().max() < 1e-12


def test_bins_average_the_pairs_between_their_edges(gradients: Tensor, labels: Tensor) -> None:
    values = stiffness.cosines(gradients @ gradients.mT)
    distances = stiffness_distance.input_distances(gradients[:1] - 0.5)
    pairs = stiffness_distance.within_class_pairs(labels)
    edges = torch.tensor([0.1, 0.6, 1.0, 1.9], dtype=torch.float64)
    means, counts = stiffness_distance.binned(values, distances, pairs, edges)
    for member in range(MEMBERS):
        for b in range(3):
            inside = [
                float(values[member, i, j])
                for i in range(TRAIN + VALIDATION)
                for j in range(i + 1, TRAIN + VALIDATION)
                if labels[member, i] == labels[member, j]
                and edges[b] <= distances[0, i, j] < edges[b + 1]
            ]
            assert counts[member, b] == len(inside)
            np.testing.assert_allclose(means[member, b], mean(inside), rtol=1e-12)


def test_last_bin_has_its_upper_edge_too() -> None:
    values = torch.tensor([[[0.0, 5.0], [0.0, 0.0]]])
    distances = torch.tensor([[[0.0, 2.0], [2.0, 0.0]]])
    pairs = torch.ones(1, 2, 2, dtype=torch.bool).triu(1)
    means, counts = stiffness_distance.binned(values, distances, pairs, torch.linspace(0, 2, 3))
    assert counts.tolist() == [[0, 1]]
    assert means[0, 0].isnan()
    assert means[0, 1] == 5


def line(count: int, noise: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Stiffness 0.8 − 0.5 · distance, so that ξ = 1.6, with a disturbance of each example."""
    rng = np.random.default_rng(seed)
    distances = torch.from_numpy(rng.uniform(0, 2, (1, count, count)))
    effects = torch.from_numpy(rng.normal(0, noise, (1, count)))
    values = 0.8 - 0.5 * distances + effects.unsqueeze(1) + effects.unsqueeze(2)
    pairs = torch.ones(1, count, count, dtype=torch.bool).triu(1)
    return values, distances, pairs


def weights_of(count: int, replicates: int = 400) -> Tensor:
    drawn = stiffness_distance.resampled(np.random.default_rng(0), replicates, count)
    return torch.from_numpy(drawn)


def test_exact_line_gives_its_slope_and_critical_length() -> None:
    found = stiffness_distance.decay(*line(12, 0.0, 0), weights_of(12))
    assert float(found.slope) == pytest.approx(-0.5)
    assert float(found.intercept) == pytest.approx(0.8)
    assert float(found.critical_length) == pytest.approx(1.6)
    assert found.critical_interval[0].tolist() == pytest.approx([1.6, 1.6])


def test_fit_is_least_squares_over_the_pairs(gradients: Tensor, labels: Tensor) -> None:
    values = stiffness.cosines(gradients @ gradients.mT)
    distances = stiffness_distance.input_distances(gradients - 0.5)
    pairs = stiffness_distance.within_class_pairs(labels)
    count = TRAIN + VALIDATION
    found = stiffness_distance.decay(values, distances, pairs, weights_of(count))
    for member in range(MEMBERS):
        mask = pairs[member]
        slope, intercept = np.polyfit(distances[member][mask], values[member][mask], 1)
        assert float(found.slope[member]) == pytest.approx(slope)
        assert float(found.intercept[member]) == pytest.approx(intercept)


def test_replicate_repeats_pairs_as_a_drawn_sample_would(gradients: Tensor) -> None:
    values = stiffness.cosines(gradients @ gradients.mT)
    distances = stiffness_distance.input_distances(gradients - 0.5)
    pairs = torch.ones_like(values, dtype=torch.bool).triu(1)
    drawn = [0, 0, 1, 2, 5, 5, 5, 7, 9, 9, 10, 11, 12, 13]
    weights = torch.bincount(torch.tensor(drawn), minlength=TRAIN + VALIDATION)[None]
    found = stiffness_distance.decay(values, distances, pairs, weights)
    chosen = [(i, j) for p, i in enumerate(drawn) for j in drawn[p + 1 :] if i != j]
    first, second = np.array(chosen).T
    slope, _ = np.polyfit(distances[0, first, second], values[0, first, second], 1)
    assert found.slope_interval[0].tolist() == pytest.approx([slope, slope])


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    covered = {"slope": 0, "length": 0}
    for seed in range(60):
        found = stiffness_distance.decay(*line(30, 0.3, seed), weights_of(30, 200))
        low, high = found.slope_interval[0]
        covered["slope"] += bool(low <= -0.5 <= high)
        low, high = found.critical_interval[0]
        covered["length"] += bool(low <= 1.6 <= high)
    assert 50 <= covered["slope"] <= 60
    assert 50 <= covered["length"] <= 60


def test_stiffness_that_does_not_fall_has_no_critical_length() -> None:
    values, distances, pairs = line(8, 0.0, 0)
    found = stiffness_distance.decay(1 - values, distances, pairs, weights_of(8, 20))
    assert found.critical_length.isposinf().all()
    assert found.critical_interval.isposinf().all()


def test_too_few_pairs_give_nan_not_an_error() -> None:
    values, distances, _ = line(4, 0.1, 0)
    none = torch.zeros(1, 4, 4, dtype=torch.bool)
    found = stiffness_distance.decay(values, distances, none, weights_of(4, 20))
    assert found.slope.isnan().all()
    assert found.critical_length.isnan().all()
    assert found.slope_interval.isnan().all()
