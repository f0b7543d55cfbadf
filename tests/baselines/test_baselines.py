"""Baselines against scikit-learn, closed forms, and what each must reach at any noise."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from memlab.baselines import kernels, registry
from memlab.baselines.baseline import BASELINES, BaselineData, Predicted
from memlab.baselines.kernel_matrices import polynomial
from memlab.baselines.kernels import gaussian, interpolate, laplace, penalized
from memlab.baselines.linear import RidgePath, minimum_norm
from memlab.baselines.neighbours import (
    CANDIDATES,
    k_nearest_neighbours,
    majority,
    nearest,
    nearest_neighbour,
    squared_distances,
)
from memlab.data.corruption import Corrupted, corrupt
from memlab.data.registry import load
from memlab.data.split import split
from memlab.errors import InvalidDataset, InvalidExperiment
from memlab.experiment.material_spec import CorruptionSpec, DatasetSpec
from tests.patience import SECONDS

KERNELS = {"gaussian": gaussian, "laplace": laplace}


@cache
def digits(fraction: float) -> Corrupted:
    spec = DatasetSpec(name="digits", train=400, validation=200, test=300)
    return corrupt(split(load(spec), spec), CorruptionSpec(kind="labels", fraction=fraction), 0)


def data(fraction: float = 0.4) -> BaselineData:
    return BaselineData.of(digits(fraction), 10)


@pytest.mark.parametrize("fraction", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("name", ["1-nn", "rbf-interpolating", "laplace-interpolating"])
def test_interpolants_reproduce_every_label_at_any_noise(name: str, fraction: float) -> None:
    reached = registry.reach(name, digits(fraction), 10)
    assert reached.train_accuracy == 1.0
    if fraction:
        assert reached.train_accuracy_corrupted == 1.0
        assert reached.recovered_true_labels == 0.0
    else:
        assert reached.test_accuracy > 0.85


@pytest.mark.parametrize("name", [n for n, b in BASELINES.items() if not b.of_network])
def test_every_baseline_learns_clean_digits_and_nothing_from_noise(name: str) -> None:
    assert registry.reach(name, digits(0.0), 10).test_accuracy > 0.8
    assert registry.reach(name, digits(1.0), 10).test_accuracy < 0.25


@pytest.mark.parametrize("name", [n for n, b in BASELINES.items() if not b.of_network])
def test_a_second_fit_predicts_the_same(name: str) -> None:
    one, two = (BASELINES[name].fit(data()) for _ in range(2))
    assert np.array_equal(one.train, two.train)
    assert np.array_equal(one.test, two.test)


def parity(train: int) -> Corrupted:
    spec = DatasetSpec(name="parity", bits=10, degree=3, train=train, validation=300, test=500)
    return corrupt(split(load(spec), spec), CorruptionSpec(), 0)


def test_a_polynomial_of_the_paritys_degree_learns_it_and_one_below_does_not() -> None:
    below, own, open_ = (
        registry.reach("polynomial", parity(1000), 2, degree=d) for d in (2, 3, None)
    )
    assert below.test_accuracy < 0.6 < 0.97 < own.test_accuracy
    assert (own.chosen["degree"], open_.chosen["degree"]) == (3.0, 3.0)


def test_polynomial_kernel_equals_scikit_learns_with_the_chosen_settings() -> None:
    d = BaselineData.of(digits(0.4), 10, degree=3)
    found = polynomial(d)
    unit, offset = (d.train_x**2).sum(1).mean(), found.chosen["offset"]
    kernel = (d.train_x.astype(np.float64) @ d.train_x.T / unit + offset) ** 3 / (1 + offset) ** 3
    model = KernelRidge(
        alpha=found.chosen["penalty"] * kernel.diagonal().mean() * (1 + offset) ** 3,
        kernel="poly",
        degree=3,
        gamma=1 / unit,
        coef0=offset,
    ).fit(d.train_x, d.targets())
    assert (found.test == model.predict(d.test_x).argmax(1)).mean() > 0.99


@pytest.mark.parametrize("name", [n for n, b in BASELINES.items() if b.of_network])
def test_a_baseline_of_a_network_says_that_it_needs_one(name: str) -> None:
    with pytest.raises(InvalidExperiment, match="made of a run's network"):
        registry.reach(name, digits(0.4), 10)


def test_averaging_neighbours_beats_the_lookup_table_on_lies() -> None:
    table = registry.reach("1-nn", digits(0.4), 10)
    averaged = registry.reach("k-nn", digits(0.4), 10)
    assert averaged.test_accuracy > table.test_accuracy + 0.2
    assert averaged.recovered_true_labels > 0.8


def test_nearest_neighbour_equals_scikit_learns() -> None:
    d = data()
    model = KNeighborsClassifier(1).fit(d.train_x, d.train_y)
    found = nearest_neighbour(d)
    assert np.array_equal(found.test, model.predict(d.test_x))
    assert np.array_equal(found.train, d.train_y)


def test_k_nearest_neighbours_equal_scikit_learns_at_the_best_k() -> None:
    d = data()
    models = {k: KNeighborsClassifier(k).fit(d.train_x, d.train_y) for k in CANDIDATES}
    scores = {k: model.score(d.validation_x, d.validation_y) for k, model in models.items()}
    found = k_nearest_neighbours(d)
    best = int(found.chosen["k"])
    assert scores[best] == max(scores.values())
    assert np.array_equal(found.test, models[best].predict(d.test_x))
    # equally distant neighbours at the k-th place are the one thing left open
    assert (found.train == models[best].predict(d.train_x)).mean() > 0.99


def test_every_row_is_its_own_nearest_neighbour_even_among_duplicates() -> None:
    x = np.random.default_rng(0).normal(size=(15, 50)).astype(np.float32)
    twice = np.concatenate([x, x])
    assert nearest(twice, twice, 1, same=True)[:, 0].tolist() == list(range(30))
    assert nearest(twice, twice, 3, same=True)[:, 0].tolist() == list(range(30))


def test_neighbours_are_ordered_and_ties_go_to_the_lower_row() -> None:
    known = np.array([[0], [2], [1], [-1], [5]], np.float32)
    assert nearest(np.zeros((1, 1), np.float32), known, 5).tolist() == [[0, 2, 3, 1, 4]]
    assert nearest(np.zeros((1, 1), np.float32), known, 9).shape == (1, 5)


def test_majority_of_equals_is_the_lower_class() -> None:
    assert majority(np.array([[2, 1, 2, 1], [3, 3, 0, 3]]), 4).tolist() == [1, 3]


def test_distances_equal_scipys_far_from_the_origin() -> None:
    generator = np.random.default_rng(0)
    x = (generator.normal(size=(20, 30)) + 500).astype(np.float32)
    y = (generator.normal(size=(25, 30)) + 500).astype(np.float32)
    expected = cdist(x.astype(float), y.astype(float), "sqeuclidean")
    assert squared_distances(x, y) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("examples", [20, 200])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 100.0])
def test_ridge_equals_scikit_learns_with_fewer_and_more_examples_than_features(
    examples: int, penalty: float
) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(examples, 40)).astype(np.float32) + 3
    y = generator.normal(size=(examples, 3)).astype(np.float32)
    weights, bias = RidgePath.of(x, y).weights(penalty)
    model = Ridge(alpha=penalty).fit(x.astype(float), y.astype(float))
    assert weights == pytest.approx(model.coef_.T, rel=1e-4, abs=1e-7)
    assert bias == pytest.approx(model.intercept_, rel=1e-4, abs=1e-6)


def test_minimum_norm_weights_are_the_pseudo_inverse() -> None:
    generator = np.random.default_rng(1)
    for shape in ((15, 40), (60, 40)):
        x = generator.normal(size=shape).astype(np.float32)
        x[:, 7] = 2.0  # a feature without variance, as blank pixels are
        y = generator.normal(size=(shape[0], 2)).astype(np.float32)
        weights, _ = RidgePath.of(x, y).weights(0.0)
        centred = x.astype(float) - x.mean(0, dtype=float)
        expected = np.linalg.pinv(centred) @ (y - y.mean(0, dtype=float))
        assert weights == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_minimum_norm_reproduces_random_labels_where_features_outnumber_examples() -> None:
    generator = np.random.default_rng(2)
    x = generator.normal(size=(50, 80)).astype(np.float32)
    y = generator.integers(0, 5, 50)
    found = minimum_norm(BaselineData(x, y, x, y, x, 5, 0))
    assert np.array_equal(found.train, y)


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_values_are_the_formulas(name: str) -> None:
    generator = np.random.default_rng(3)
    x, y = (generator.normal(size=(9, 4)).astype(np.float32) for _ in range(2))
    distance = cdist(x, y)
    expected = {
        "gaussian": np.exp(-(distance**2) / (2 * 1.7**2)),
        "laplace": np.exp(-distance / 1.7),
    }
    found = KERNELS[name](squared_distances(x, y), 1.7)
    assert found == pytest.approx(expected[name], rel=1e-4)


@pytest.mark.parametrize("name", KERNELS)
def test_tuned_kernel_equals_scikit_learns_kernel_ridge(name: str) -> None:
    d = data()
    found = kernels.penalized(d, KERNELS[name])
    sigma, penalty = found.chosen["bandwidth"], found.chosen["penalty"]

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        distance = cdist(x, y)
        if name == "laplace":
            return np.exp(-distance / sigma)
        return np.exp(-(distance**2) / (2 * sigma**2))

    model = KernelRidge(alpha=penalty, kernel="precomputed")
    model.fit(kernel(d.train_x, d.train_x), d.targets())
    expected = model.predict(kernel(d.test_x, d.train_x)).argmax(1)
    assert (found.test == expected).mean() > 0.99


def test_interpolant_is_the_solution_of_the_kernel_system() -> None:
    d = data()
    found = interpolate(d, gaussian)
    sigma = found.chosen["bandwidth"]
    inner = np.exp(-cdist(d.train_x, d.train_x, "sqeuclidean") / (2 * sigma**2))
    across = np.exp(-cdist(d.test_x, d.train_x, "sqeuclidean") / (2 * sigma**2))
    expected = (across @ np.linalg.solve(inner, d.targets())).argmax(1)
    assert (found.test == expected).mean() > 0.98


def test_penalty_is_chosen_by_validation_over_the_whole_path() -> None:
    d = data()
    tuned = kernels.tune(d, gaussian, kernels.PENALTIES)
    scores = []
    for share in kernels.BANDWIDTHS:
        sigma = share * kernels.median_distance(d)
        inner = np.exp(-cdist(d.train_x, d.train_x, "sqeuclidean") / (2 * sigma**2))
        across = np.exp(-cdist(d.validation_x, d.train_x, "sqeuclidean") / (2 * sigma**2))
        for penalty in kernels.PENALTIES:
            weights = np.linalg.solve(inner + penalty * np.eye(len(inner)), d.targets())
            right = ((across @ weights).argmax(1) == d.validation_y).mean()
            scores.append((right, sigma, penalty))
    best = max(score for score, _, _ in scores)
    chosen = [s for s, sigma, p in scores if (sigma, p) == (tuned.bandwidth, tuned.penalty)]
    assert chosen[0] >= best - 0.011


def test_equal_inputs_with_different_labels_cannot_be_interpolated() -> None:
    generator = np.random.default_rng(4)
    x = generator.normal(size=(40, 3)).astype(np.float32)
    x[1] = x[0]
    y = np.arange(40) % 2
    with pytest.raises(InvalidDataset, match="different labels"):
        interpolate(BaselineData(x, y, x[:10], y[:10], x, 2, 0), gaussian)


def test_measures_are_split_as_the_networks_are() -> None:
    given = np.array([0, 1, 1, 0, 2, 2])
    true = np.array([0, 0, 1, 2, 2, 2])
    lies = np.array([False, True, False, True, False, True])  # the last by its input
    zeros = np.zeros((6, 2), np.float32)
    d = Corrupted(zeros, given, true, lies, lies, zeros, true, zeros, true, 0.5)
    predicted = Predicted(np.array([0, 0, 1, 0, 1, 2]), np.array([0, 0, 1, 2, 2, 0]))
    found = registry.measured(predicted, d)
    assert found.train_accuracy == pytest.approx(4 / 6)
    assert found.train_accuracy_clean == pytest.approx(2 / 3)
    assert found.train_accuracy_corrupted == pytest.approx(2 / 3)
    assert found.recovered_true_labels == pytest.approx(1 / 2)
    assert found.test_accuracy == pytest.approx(5 / 6)


def test_parts_without_examples_have_no_accuracy() -> None:
    found = registry.reach("1-nn", digits(0.0), 10)
    assert np.isnan(found.train_accuracy_corrupted)
    assert np.isnan(found.recovered_true_labels)


def test_misspelt_baseline_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidExperiment, match="did you mean 'ridge'"):
        registry.reach("rigde", digits(0.0), 10)


def test_too_many_examples_are_refused_with_the_limit() -> None:
    big = np.broadcast_to(np.zeros((1, 1), np.float32), (20_000, 1))
    d = Corrupted(*([big] * 9), 0.0)  # type: ignore[arg-type]
    with pytest.raises(InvalidExperiment, match="at most 12,000 training examples"):
        registry.reach("rbf", d, 2)


def test_baselines_import_no_torch() -> None:
    code = (
        "import sys, memlab.baselines.registry\n"
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=SECONDS)


@pytest.mark.parametrize("name", ["1-nn", "rbf", "random-features"])
def test_validation_accuracy_is_that_of_the_same_fit(name: str) -> None:
    d = digits(0.4)
    found = registry.reach(name, d, 10, seed=3)
    asked = BaselineData.of(d, 10, 3)
    plain = registry.find(name).fit(asked)
    assert found.test_accuracy == pytest.approx((plain.test == d.test_y).mean(), abs=1e-9)
    turned = registry.find(name).fit(replace(asked, test_x=asked.validation_x))
    wanted = (turned.test == d.validation_y).mean()
    assert found.validation_accuracy == pytest.approx(wanted, abs=1e-9)


def test_suspicion_of_kernel_ridge_is_that_of_fits_without_the_example() -> None:
    d = digits(0.4)
    asked = BaselineData.of(d, 10, 0)
    made = penalized(asked, gaussian)
    bandwidth, penalty = made.chosen["bandwidth"], made.chosen["penalty"]
    kernel = gaussian(squared_distances(asked.train_x, asked.train_x), bandwidth).astype(float)
    targets = asked.targets().astype(float)
    assert made.suspicion is not None
    for i in (0, 7, 31):
        rest = np.delete(np.arange(len(kernel)), i)
        inner = kernel[np.ix_(rest, rest)] + penalty * np.eye(len(rest))
        output = kernel[i, rest] @ np.linalg.solve(inner, targets[rest])
        other = np.delete(output, asked.train_y[i]).max()
        assert made.suspicion[i] == pytest.approx(other - output[asked.train_y[i]], abs=1e-3)


def test_lies_are_found_by_their_neighbours_and_by_kernel_ridge() -> None:
    d = digits(0.4)
    asked = BaselineData.of(d, 10, 0)
    made = registry.find("k-nn").fit(asked)
    k = int(made.chosen["k"])
    squared = ((asked.train_x[:, None] - asked.train_x[None]) ** 2).sum(-1)
    np.fill_diagonal(squared, np.inf)
    others = asked.train_y[squared.argsort(1, kind="stable")[:, :k]]
    assert made.suspicion is not None
    np.testing.assert_allclose(
        made.suspicion.mean(), (others != asked.train_y[:, None]).mean(), atol=5e-3
    )
    for name in ("k-nn", "rbf"):
        assert registry.reach(name, d, 10).lies_found > 0.85
    assert np.isnan(registry.reach("1-nn", d, 10).lies_found)


def test_interpolants_tell_the_norm_of_every_width() -> None:
    d = digits(0.0)
    asked = BaselineData.of(d, 10, 0)
    found = registry.reach("laplace-interpolating", d, 10)
    assert len(found.tried) == len(kernels.BANDWIDTHS)
    unit = kernels.median_distance(asked)
    distances = np.sqrt(squared_distances(asked.train_x, asked.train_x).astype(float))
    np.fill_diagonal(distances, 0.0)
    targets = asked.targets().astype(float)
    for name in ("0.25", "1"):
        matrix = np.exp(-distances / (float(name) * unit))
        wanted = np.sqrt((targets * np.linalg.solve(matrix, targets)).sum())
        assert found.tried[name]["norm"] == pytest.approx(wanted, rel=1e-2)
        assert found.tried[name]["test_accuracy"] > 0.8
