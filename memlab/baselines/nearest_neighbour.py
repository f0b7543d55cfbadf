"""1-nearest-neighbour: the literal lookup table."""

from __future__ import annotations

from memlab.baselines.baseline import BaselineData, Predicted, baseline
from memlab.baselines.distances import nearest


@baseline("1-nn", "1-nearest-neighbour", "the literal lookup table", 60_000)
def nearest_neighbour(data: BaselineData) -> Predicted:
    """Each example is given its nearest training example's label, a training one its own."""
    test = nearest(data.test_x, data.train_x, 1)
    return Predicted(data.train_y.copy(), data.train_y[test[:, 0]])
