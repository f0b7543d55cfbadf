"""The lookup tables: one nearest neighbour, and k of them with k by validation.

Distances are Euclidean, in float32 through one matrix product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memlab.baselines.baseline import BaselineData, Features, Labels, Predicted, accuracy, baseline

Neighbours = NDArray[np.int64]
CHUNK_FLOATS = 1 << 24


def squared_distances(x: Features, other: Features) -> Features:
    """‖x_i − o_j‖² as `[n, m]` float32, never below 0; the mean of `other` is taken off first,
    so that little is lost by cancellation."""
    centre = other.mean(0, dtype=np.float64).astype(np.float32)
    x, other = x - centre, other - centre
    made = x @ other.T
    made *= -2.0
    made += np.einsum("ij,ij->i", x, x)[:, None]
    made += np.einsum("ij,ij->i", other, other)[None, :]
    np.maximum(made, 0.0, out=made)
    return np.asarray(made)


def nearest(x: Features, known: Features, count: int, same: bool = False) -> Neighbours:
    """The `count` nearest rows of `known` to each row of `x`, nearest first, `[n, count]`.

    With `same`, `x` is `known`: every row is its own nearest neighbour, which rounding could
    hide. Of equals the lower row is first.
    """
    count = min(count, len(known))
    found = np.empty((len(x), count), np.int64)
    step = max(1, CHUNK_FLOATS // len(known))
    for start in range(0, len(x), step):
        distances = squared_distances(x[start : start + step], known)
        rows = np.arange(len(distances))
        if same:
            distances[rows, start + rows] = -1.0
        if count == 1:
            found[start : start + step, 0] = distances.argmin(1)
            continue
        kept = (
            np.argpartition(distances, count - 1, axis=1)[:, :count]
            if count < len(known)
            else np.broadcast_to(np.arange(count), distances.shape)
        )
        kept = np.sort(kept, axis=1)
        order = np.take_along_axis(distances, kept, 1).argsort(1, kind="stable")
        found[start : start + step] = np.take_along_axis(kept, order, 1)
    return found


@baseline("1-nn", "1-nearest-neighbour", "the literal lookup table", 60_000)
def nearest_neighbour(data: BaselineData) -> Predicted:
    """Each example is given its nearest training example's label, a training one its own."""
    test = nearest(data.test_x, data.train_x, 1)
    return Predicted(data.train_y.copy(), data.train_y[test[:, 0]])


CANDIDATES = (1, 3, 5, 9, 15, 25, 45, 75, 101)


@baseline("k-nn", "k-nearest-neighbours", "k chosen by validation accuracy", 30_000)
def k_nearest_neighbours(data: BaselineData) -> Predicted:
    """The most frequent label of the k nearest, the lower class of equals, as scikit-learn's.

    A training example counts among its own neighbours. k is the smallest of `CANDIDATES` with the
    best validation accuracy. Its suspicion is the share of its k nearest others with another label.
    """
    candidates = [k for k in CANDIDATES if k <= len(data.train_x)]
    checked = data.train_y[nearest(data.validation_x, data.train_x, candidates[-1])]
    scores = [
        accuracy(majority(checked[:, :k], data.classes), data.validation_y) for k in candidates
    ]
    best = candidates[int(np.argmax(scores))]
    train = nearest(data.train_x, data.train_x, best + 1, same=True)
    test = nearest(data.test_x, data.train_x, best)
    others = data.train_y[train[:, 1:]] != data.train_y[:, None]
    return Predicted(
        majority(data.train_y[train[:, :best]], data.classes),
        majority(data.train_y[test], data.classes),
        {"k": float(best)},
        others.mean(axis=1) if others.shape[1] else None,
    )


def majority(labels: Neighbours, classes: int) -> Labels:
    """The most frequent entry of each row `[n, k]`, the lower of equals."""
    rows = np.arange(len(labels))[:, None] * classes
    counts = np.bincount((rows + labels).ravel(), minlength=len(labels) * classes)
    return np.asarray(counts.reshape(len(labels), classes).argmax(1), np.int64)
