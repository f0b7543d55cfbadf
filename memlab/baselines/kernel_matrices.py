"""Kernel ridge on kernels that are no functions of a distance: polynomials, and the network's own.

Settings are chosen on the validation part, each fitted to all training examples: that a kernel of
some degree needs many examples is what these baselines are there to show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from memlab.baselines.baseline import (
    BaselineData,
    Features,
    Labels,
    Network,
    Parts,
    Predicted,
    accuracy,
    baseline,
)
from memlab.baselines.kernels import MOST_EXAMPLES, gaussian, penalized
from memlab.errors import InvalidDataset, InvalidExperiment

#: Penalties, in units of the kernel's mean value of an example with itself.
PENALTIES = (10.0, 1.0, 0.1, 0.01, 0.001)
#: Degrees where none is asked for.
DEGREES = (2, 3, 4)
#: c of (c + x · z ÷ mean ‖x‖²)^degree; 0 leaves out what is of a lower degree of the same kind.
OFFSETS = (1.0, 0.1, 0.0)
#: The whole kernel of training, validation and test part is made at once.
MOST_OF_NETWORK = 6_000

Chosen = Mapping[str, float]


@baseline(
    "polynomial",
    "polynomial kernel",
    "kernel ridge on (c + x · z)^degree; c, penalty and an open degree by validation",
    MOST_EXAMPLES,
)
def polynomial(data: BaselineData) -> Predicted:
    """Of the degree that the data ask for, else of the best of `DEGREES`."""
    unit = np.float32(np.einsum("ij,ij->i", data.train_x, data.train_x).mean() or 1.0)
    inner = [x @ data.train_x.T / unit for x in (data.train_x, data.validation_x, data.test_x)]

    def candidates() -> Iterator[tuple[Chosen, Parts]]:
        for degree in DEGREES if data.degree is None else (data.degree,):
            for offset in OFFSETS:
                scale = np.float32(1.0 / (1.0 + offset))
                train, validation, test = (
                    _power((part + np.float32(offset)) * scale, degree) for part in inner
                )
                chosen = {"degree": float(degree), "offset": offset}
                yield chosen, (train, validation, test)

    return ridge_of_best(data, candidates())


@baseline(
    "tangent-kernel",
    "tangent kernel",
    "kernel ridge on the network's own tangent kernel before training, penalty by validation",
    MOST_OF_NETWORK,
    of_network=True,
)
def tangent_kernel(data: BaselineData) -> Predicted:
    """What the network's linearization at its initialization can learn (Jacot 2018)."""
    return ridge_of_best(data, iter([({}, _network(data).tangent_kernel())]))


@baseline(
    "rbf-features",
    "Gaussian kernel on features",
    "kernel ridge on the trained network's last hidden layer, bandwidth and penalty by validation",
    MOST_EXAMPLES,
    of_network=True,
)
def rbf_features(data: BaselineData) -> Predicted:
    """What a kernel makes of the features that the network has learned from the same labels."""
    train, validation, test = _network(data).features()
    return penalized(replace(data, train_x=train, validation_x=validation, test_x=test), gaussian)


def ridge_of_best(data: BaselineData, candidates: Iterator[tuple[Chosen, Parts]]) -> Predicted:
    """f(x) = k(x)ᵀ (K + λI)⁻¹ Y with the kernel and penalty of the best validation accuracy.

    Each candidate is what its kernel is called, and the kernel of each part's examples with the
    training ones. Of equals the earlier kernel and the larger penalty.

    Raises:
        InvalidDataset: if none of the kernels can be solved.
    """
    best, found = -1.0, None
    targets = data.targets()
    for chosen, (train, validation, test) in candidates:
        unit = float(np.einsum("ii->i", train).mean()) or 1.0
        for penalty in PENALTIES:
            weights = _solved(train, penalty * unit, targets)
            if weights is None:
                continue
            score = accuracy(_classes(validation, weights), data.validation_y)
            if score > best:
                best = score
                found = Predicted(
                    _classes(train, weights),
                    _classes(test, weights),
                    {**chosen, "penalty": penalty},
                )
    if found is None:
        raise InvalidDataset("The kernel of these training examples cannot be solved for labels.")
    return found


def _power(values: Features, degree: int) -> Features:
    """By products, which are some thirty times as fast as numpy's power of floats."""
    made = values.copy()
    for _ in range(degree - 1):
        made *= values
    return made


def _solved(matrix: Features, penalty: float, targets: Features) -> NDArray[np.float32] | None:
    shifted = matrix.copy()
    shifted[np.diag_indices(len(matrix))] += np.float32(penalty)
    try:
        factor = cho_factor(shifted.T, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return None
    weights = np.asarray(cho_solve(factor, targets, check_finite=False), np.float32)
    return weights if np.isfinite(weights).all() else None


def _classes(kernel: Features, weights: NDArray[np.float32]) -> Labels:
    return np.asarray((kernel @ weights).argmax(1), np.int64)


def _network(data: BaselineData) -> Network:
    if data.network is None:
        raise InvalidExperiment("This baseline is made of a run's network; these data have none.")
    return data.network
