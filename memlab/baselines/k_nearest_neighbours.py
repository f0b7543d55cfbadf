"""k-nearest-neighbours with k by validation: averaging over the lookup table."""

from __future__ import annotations

import numpy as np

from memlab.baselines.baseline import BaselineData, Labels, Predicted, accuracy, baseline
from memlab.baselines.distances import Neighbours, nearest

CANDIDATES = (1, 3, 5, 9, 15, 25, 45, 75, 101)


@baseline("k-nn", "k-nearest-neighbours", "k chosen by validation accuracy", 30_000)
def k_nearest_neighbours(data: BaselineData) -> Predicted:
    """The most frequent label of the k nearest, the lower class of equals, as scikit-learn's.

    A training example counts among its own neighbours. k is the smallest of `CANDIDATES` with the
    best validation accuracy.
    """
    candidates = [k for k in CANDIDATES if k <= len(data.train_x)]
    checked = data.train_y[nearest(data.validation_x, data.train_x, candidates[-1])]
    scores = [
        accuracy(majority(checked[:, :k], data.classes), data.validation_y) for k in candidates
    ]
    best = candidates[int(np.argmax(scores))]
    train = nearest(data.train_x, data.train_x, best, same=True)
    test = nearest(data.test_x, data.train_x, best)
    return Predicted(
        majority(data.train_y[train], data.classes),
        majority(data.train_y[test], data.classes),
        {"k": float(best)},
    )


def majority(labels: Neighbours, classes: int) -> Labels:
    """The most frequent entry of each row `[n, k]`, the lower of equals."""
    rows = np.arange(len(labels))[:, None] * classes
    counts = np.bincount((rows + labels).ravel(), minlength=len(labels) * classes)
    return np.asarray(counts.reshape(len(labels), classes).argmax(1), np.int64)
