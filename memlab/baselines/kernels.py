"""Kernel machines on one-hot labels, interpolating and tuned (Belkin 2018, section 3).

Bandwidth and penalty are chosen on a part of the training examples, by one decomposition per
bandwidth; all examples are then fitted by one Cholesky factorization.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from memlab.baselines.baseline import (
    BaselineData,
    Features,
    Interpolant,
    Labels,
    Predicted,
    accuracy,
    baseline,
    one_hot,
)
from memlab.baselines.neighbours import squared_distances
from memlab.errors import InvalidDataset
from memlab.experiment.keys import key

#: Maps squared distances and a bandwidth to kernel values, in place; 1 at distance 0.
Kernel = Callable[[Features, float], Features]
#: Examples on which bandwidth and penalty are chosen.
TUNED_ON = 1500
#: Bandwidths as multiples of the median distance between training examples.
BANDWIDTHS = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0)
#: Penalties, in units of the kernel's value at distance 0.
PENALTIES = tuple(10.0 ** (half / 2) for half in range(-8, 7))
#: (precision, penalty) for an exact solution, the penalty of the size of rounding.
JITTER: tuple[tuple[type[np.floating], float], ...] = (
    (np.float32, 1e-5),
    (np.float64, 1e-10),
    (np.float64, 1e-7),
)
#: The largest miss of a one-hot target that counts as reproduced, and what is done to reach it.
RESIDUAL = 0.05
REFINEMENTS = 4
HALVINGS = 12
MOST_EXAMPLES = 12_000
#: Up to so many examples each is left out too: that needs the whole inverse.
LEFT_OUT = 4_000
#: Up to so many examples interpolation tells its norm at every bandwidth.
NORMS = 400


@dataclass(frozen=True)
class Tuning:
    """What validation chose; the bandwidth is a length, the penalty for all examples."""

    bandwidth: float
    penalty: float


def median_distance(data: BaselineData) -> float:
    """Over pairs of up to 1,000 training examples."""
    rows = key(data.seed, "median distance").permutation(len(data.train_x))[:1000]
    distances = squared_distances(data.train_x[rows], data.train_x[rows])
    above = distances[np.triu_indices(len(rows), 1)]
    return float(np.sqrt(np.median(above))) or 1.0


def tune(data: BaselineData, kernel: Kernel, penalties: Sequence[float]) -> Tuning:
    """Bandwidth and penalty of the best validation accuracy on `TUNED_ON` training examples.

    The penalty grows with the number of examples, because the sum of losses does. Of equals the
    smaller bandwidth and the larger penalty. Without penalties the bandwidth that interpolates
    best.
    """
    rows = key(data.seed, "kernel tuning").permutation(len(data.train_x))[:TUNED_ON]
    x, targets = data.train_x[rows], one_hot(data.train_y[rows], data.classes)
    inside, across = _inner(x), squared_distances(data.validation_x, x)
    unit = median_distance(data)
    growth = len(data.train_x) / len(rows)
    best, found = -1.0, Tuning(unit, 0.0)
    for share in BANDWIDTHS:
        matrix = kernel(inside.copy(), share * unit)
        ahead = kernel(across.copy(), share * unit)
        for penalty, weights in _path(matrix, targets, penalties):
            outputs = ahead @ weights.astype(np.float32)
            score = accuracy(np.asarray(outputs.argmax(1), np.int64), data.validation_y)
            if score > best:
                best, found = score, Tuning(share * unit, penalty * growth)
    return found


def _path(
    matrix: Features, targets: Features, penalties: Sequence[float]
) -> Iterator[tuple[float, NDArray[np.floating]]]:
    """(penalty, weights) from the largest penalty on, by one decomposition of the kernel matrix."""
    if not penalties:
        weights = _exact(matrix, targets)
        if weights is not None:
            yield 0.0, weights
        return
    values, vectors = eigh(matrix, driver="evd", check_finite=False)
    projected, values = vectors.T @ targets, np.maximum(values, 0.0)
    for penalty in sorted(penalties, reverse=True):
        yield penalty, vectors @ (projected / (values + np.float32(penalty))[:, None])


def interpolate(data: BaselineData, kernel: Kernel) -> Predicted:
    """f(x) = k(x)ᵀ K⁻¹ Y, the minimum-norm function through all given labels.

    The bandwidth is the one of best validation accuracy; where rounding keeps it from reaching
    the labels to 0.05, it is halved until it does.

    Raises:
        InvalidDataset: if two equal inputs have different labels, which no function can fit.
    """
    tuned = tune(data, kernel, ()).bandwidth
    targets = data.targets()
    for halvings in range(HALVINGS):
        bandwidth = tuned / 2**halvings
        matrix = kernel(_inner(data.train_x), bandwidth)
        weights = _exact(matrix, targets)
        if weights is not None:
            single = weights.astype(np.float32)
            train = np.asarray((matrix @ single).argmax(1), np.int64)
            test = _predict(data.test_x, data.train_x, single, kernel, bandwidth)
            tried = _interpolants(data, kernel) if len(matrix) <= NORMS else {}
            return Predicted(train, test, {"bandwidth": bandwidth}, tried=tried)
    raise InvalidDataset(
        "No kernel interpolates these training examples: some equal inputs have different labels."
    )


def _interpolants(data: BaselineData, kernel: Kernel) -> dict[str, Interpolant]:
    """The interpolant of each bandwidth, by its multiple of the median distance; without those
    that rounding keeps from the labels. ‖f‖² = tr Wᵀ K W."""
    inside, unit, made = _inner(data.train_x), median_distance(data), {}
    for share in BANDWIDTHS:
        matrix = kernel(inside.copy(), share * unit)
        weights = _exact(matrix, data.targets())
        if weights is None:
            continue
        wide = weights.astype(np.float64)
        norm = float(np.sqrt((wide * (matrix.astype(np.float64) @ wide)).sum()))
        single = weights.astype(np.float32)
        test = _predict(data.test_x, data.train_x, single, kernel, share * unit)
        made[f"{share:g}"] = Interpolant(norm, test)
    return made


def _exact(matrix: Features, targets: Features) -> NDArray[np.floating] | None:
    """K⁻¹ Y, or None if it misses a target by more than `RESIDUAL`; float32 where that does."""
    for dtype, jitter in JITTER:
        try:
            solve = _factored(matrix.astype(dtype), jitter)
        except LinAlgError:
            continue
        weights = solve(targets)
        for _ in range(REFINEMENTS):
            missed = targets - matrix @ weights.astype(np.float32)
            if np.abs(missed).max() <= RESIDUAL:
                return weights
            weights = weights + solve(missed)
    return None


def penalized(data: BaselineData, kernel: Kernel) -> Predicted:
    """f(x) = k(x)ᵀ (K + λI)⁻¹ Y, bandwidth and λ by validation.

    An example's suspicion is how far its label's output lies below the largest other, fitted
    without the example; of at most `LEFT_OUT` examples.
    """
    tuning = tune(data, kernel, PENALTIES)
    matrix = kernel(_inner(data.train_x), tuning.bandwidth)
    solve = _factored(matrix.copy(), tuning.penalty)
    weights = solve(data.targets())
    train = (matrix @ weights).argmax(1)
    test = _predict(data.test_x, data.train_x, weights, kernel, tuning.bandwidth)
    chosen = {"bandwidth": tuning.bandwidth, "penalty": tuning.penalty}
    suspicion = None
    if len(matrix) <= LEFT_OUT:
        inverse = np.diagonal(solve(np.eye(len(matrix), dtype=np.float32)))
        suspicion = _suspicion(data, weights, inverse)
    return Predicted(np.asarray(train, np.int64), test, chosen, suspicion)


def _suspicion(
    data: BaselineData, weights: NDArray[np.floating], inverse: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Largest other output − the given label's, each example left out of its own fit, `[n]`.

    f₋ᵢ(x_i) = y_i − α_i ÷ ((K + λI)⁻¹)_ii, of which `inverse` is the diagonal.
    """
    outputs = data.targets().astype(np.float64) - weights / inverse[:, None]
    rows = np.arange(len(outputs))
    given = outputs[rows, data.train_y].copy()
    outputs[rows, data.train_y] = -np.inf
    return np.asarray(outputs.max(axis=1) - given)


def _inner(x: Features) -> Features:
    distances = squared_distances(x, x)
    np.fill_diagonal(distances, 0.0)
    return distances


def _factored(
    matrix: NDArray[np.floating], penalty: float
) -> Callable[[Features], NDArray[np.floating]]:
    """Y → (K + λI)⁻¹ Y in the matrix's dtype; its memory is used up."""
    matrix[np.diag_indices(len(matrix))] += penalty
    factor = cho_factor(matrix.T, overwrite_a=True, check_finite=False)

    def solve(targets: Features) -> NDArray[np.floating]:
        return np.asarray(cho_solve(factor, targets.astype(matrix.dtype), check_finite=False))

    return solve


def _predict(
    x: Features,
    known: Features,
    weights: NDArray[np.floating],
    kernel: Kernel,
    bandwidth: float,
) -> Labels:
    single = weights.astype(np.float32)
    outputs = [
        kernel(squared_distances(x[start : start + 2048], known), bandwidth) @ single
        for start in range(0, len(x), 2048)
    ]
    return np.asarray(np.concatenate(outputs).argmax(1), np.int64)


def gaussian(squared: Features, bandwidth: float) -> Features:
    """exp(−‖x − z‖² / 2σ²) from squared distances, in place."""
    squared *= np.float32(-0.5 / bandwidth**2)
    return np.exp(squared, out=squared)


def laplace(squared: Features, bandwidth: float) -> Features:
    """exp(−‖x − z‖ / σ), ‖·‖ Euclidean (Belkin 2018), from squared distances, in place."""
    np.sqrt(squared, out=squared)
    squared *= np.float32(-1.0 / bandwidth)
    return np.exp(squared, out=squared)


def _declare(name: str, title: str, kernel: Kernel) -> None:
    tuned = baseline(
        name, title, "kernel ridge, bandwidth and penalty by validation", MOST_EXAMPLES
    )
    tuned(partial(penalized, kernel=kernel))
    interpolating = baseline(
        f"{name}-interpolating",
        f"{title}, interpolating",
        "kernel interpolation of all given labels, bandwidth by validation",
        MOST_EXAMPLES,
    )
    interpolating(partial(interpolate, kernel=kernel))


_declare("rbf", "Gaussian kernel", gaussian)
_declare("laplace", "Laplace kernel", laplace)
