"""Nearest neighbours among the training examples, each example itself left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 24
Rows = NDArray[np.int64]


def neighbour_agreement(
    x: NDArray[np.float32], given: NDArray[np.int64], neighbours: int = 15
) -> NDArray[np.float32]:
    """Share of each example's nearest others that have its own label, `[examples]`.

    `x` is `[examples, …]`, distances are Euclidean over all values.

    >>> neighbour_agreement(np.array([[0.0], [0.1], [5.0]], np.float32), np.array([1, 1, 0]), 1)
    array([1., 1., 0.], dtype=float32)
    """
    found = np.empty(len(x), np.float32)
    for rows, nearest in _nearest(x, neighbours):
        found[rows] = (given[nearest] == given[rows, None]).mean(1)
    return found


def neighbour_votes(
    x: NDArray[np.float32], given: NDArray[np.int64], classes: int, neighbours: int = 15
) -> NDArray[np.uint8]:
    """How many of each example's nearest others have each label, `[examples, classes]`.

    >>> x = np.array([[0.0], [0.1], [5.0]], np.float32)
    >>> neighbour_votes(x, np.array([1, 1, 0]), 2, neighbours=1).tolist()
    [[0, 1], [0, 1], [0, 1]]
    """
    found = np.zeros((len(x), classes), np.uint8)
    for rows, nearest in _nearest(x, neighbours):
        np.add.at(found, (np.repeat(rows, nearest.shape[1]), given[nearest].reshape(-1)), 1)
    return found


def nearest(x: NDArray[np.float32], among: int, count: int) -> NDArray[np.int32]:
    """The `count` nearest of the first `among` to each of `x` `[n, …]`, nearest first.

    `[n, count]`, fewer where there are no more; none is its own neighbour.

    >>> nearest(np.array([[0.0], [1.0], [5.0], [4.0]], np.float32), 3, 1)
    array([[1],
           [0],
           [1],
           [2]], dtype=int32)
    """
    count = min(count, among - 1)
    found = np.empty((len(x), count), np.int32)
    for rows, distances in relative_distances(x, among):
        close = np.argpartition(distances, max(0, count - 1), axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distances, close, 1), axis=1, kind="stable")
        found[rows] = np.take_along_axis(close, order, 1)
    return found


def _nearest(x: NDArray[np.float32], neighbours: int) -> Iterator[tuple[Rows, NDArray[np.int64]]]:
    """Some rows at once, and the nearest others of each in no order, `[rows, neighbours]`."""
    count = min(neighbours, len(x) - 1)
    for rows, distances in relative_distances(x, len(x)):
        yield rows, np.argpartition(distances, count - 1, axis=1)[:, :count]


def relative_distances(
    x: NDArray[np.float32], among: int
) -> Iterator[tuple[Rows, NDArray[np.float32]]]:
    """Blocks of rows, and their squared distances to the first `among` rows of `x`.

    `[rows, among]`, each less the squared norm of its own row, which orders them alike; infinite
    from an example to itself.
    """
    flat = np.ascontiguousarray(x.reshape(len(x), -1))
    pool = flat[:among]
    squares = np.square(pool, dtype=np.float32).sum(1)
    step = max(1, BLOCK // among)
    for start in range(0, len(x), step):
        rows = np.arange(start, min(start + step, len(x)))
        distances = squares - 2.0 * (flat[rows] @ pool.T)
        own = rows[rows < among]
        distances[np.arange(len(own)), own] = np.inf
        yield rows, distances
