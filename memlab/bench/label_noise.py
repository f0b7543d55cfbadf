"""Labels made wrong on purpose, for the bench of suspects: four kinds of noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from memlab.experiment.keys import key

Inputs = NDArray[np.float32]
Labels = NDArray[np.int64]


def uniform(x: Inputs, y: Labels, classes: int, rate: float, seed: int) -> Labels:
    """Any class at random, the true one too (Zhang 2017)."""
    drawn = key(seed, "bench labels").integers(0, classes, len(y))
    return np.where(chosen(len(y), rate, seed), drawn, y)


def pair(x: Inputs, y: Labels, classes: int, rate: float, seed: int) -> Labels:
    """The next class."""
    return np.where(chosen(len(y), rate, seed), (y + 1) % classes, y)


def by_class(x: Inputs, y: Labels, classes: int, rate: float, seed: int) -> Labels:
    """Another class at random, at rates from 0 to twice `rate`, one a class."""
    generator = key(seed, "bench classes")
    rates = generator.permutation(np.linspace(0.0, 2.0 * rate, classes))
    wrong = generator.random(len(y)) < rates[y]
    return np.where(wrong, (y + generator.integers(1, classes, len(y))) % classes, y)


def near(x: Inputs, y: Labels, classes: int, rate: float, seed: int) -> Labels:
    """The label of the nearest example of another class."""
    flat = np.ascontiguousarray(x.reshape(len(x), -1))
    squares = np.square(flat).sum(1)
    found = np.empty_like(y)
    step = max(1, (1 << 24) // len(x))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        distances = squares - 2.0 * (flat[rows] @ flat.T)
        distances[y[rows, None] == y] = np.inf
        found[rows] = y[distances.argmin(1)]
    return np.where(chosen(len(y), rate, seed), found, y)


def chosen(count: int, rate: float, seed: int) -> NDArray[np.bool_]:
    """Exactly round(rate · count) examples."""
    mask = np.zeros(count, np.bool_)
    mask[key(seed, "bench wrong").permutation(count)[: round(rate * count)]] = True
    return mask


KINDS: dict[str, Callable[[Inputs, Labels, int, float, int], Labels]] = {
    "labels": uniform,
    "labels-pair": pair,
    "labels-class": by_class,
    "labels-near": near,
}
