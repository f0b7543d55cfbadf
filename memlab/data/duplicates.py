"""Examples that are nearly the same and have different labels: one of the two labels is wrong.

Near is what lies closer together than a tenth of the median distance to the nearest neighbour, over
examples that have no exact copy; copies are at distance 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.data.neighbours import relative_distances

#: Of more examples, or more numbers, only exact copies are looked for.
MOST_EXAMPLES, MOST_NUMBERS = 20_000, 5e7
NEAR = 0.1


@dataclass(frozen=True)
class Twins:
    """Two examples, rows of the arrays, `first` the lower; whether they are exact copies."""

    first: int
    second: int
    exact: bool


def conflicting_twins(x: NDArray[np.generic], labels: NDArray[np.int64]) -> list[Twins]:
    """Near-duplicates with different labels: each example with its nearest of another label.

    `x` is `[examples, …]`, distances are Euclidean over all values; exact ones come first.

    >>> x = np.array([[0.0], [0.0], [1.0], [2.0], [3.0]])
    >>> conflicting_twins(x, np.array([0, 1, 0, 1, 1]))
    [Twins(first=0, second=1, exact=True)]
    """
    flat = np.ascontiguousarray(x.reshape(len(x), -1))
    found = dict.fromkeys(_copies(flat, labels), True)
    if len(x) <= MOST_EXAMPLES and flat.size <= MOST_NUMBERS:
        for twins in _near(flat.astype(np.float32), labels):
            found.setdefault(twins, False)
    made = [Twins(first, second, exact) for (first, second), exact in found.items()]
    return sorted(made, key=lambda each: (not each.exact, each.first, each.second))


def _copies(flat: NDArray[np.generic], labels: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Of each set of equal rows, the first row with each other one of another label."""
    rows = flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1]))).reshape(-1)
    order = np.argsort(rows, kind="stable")
    same = np.concatenate([[False], rows[order][1:] == rows[order][:-1]])
    firsts = order[np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))]
    pairs = [(int(a), int(b)) for a, b in zip(firsts, order, strict=True) if labels[a] != labels[b]]
    return [(min(pair), max(pair)) for pair in pairs]


def _near(flat: NDArray[np.float32], labels: NDArray[np.int64]) -> list[tuple[int, int]]:
    flat = flat - flat.mean(0)
    squares = np.square(flat).sum(1)
    count = len(flat)
    nearest, other = np.empty(count, np.float32), np.empty(count, np.float32)
    which = np.empty(count, np.int64)
    for rows, less in relative_distances(flat, count):
        distances = less + squares[rows, None]
        nearest[rows] = distances.min(1)
        distances[labels[rows, None] == labels] = np.inf
        which[rows] = distances.argmin(1)
        other[rows] = distances.min(1)
    apart = nearest[nearest > 1e-6 * max(float(squares.max()), 1e-12)]
    if not len(apart):
        return []
    most = NEAR**2 * float(np.median(apart))
    close = np.flatnonzero(other <= most)
    return [(min(int(a), int(which[a])), max(int(a), int(which[a]))) for a in close]
