"""Ridge regression on one-hot labels: the linear model in closed form."""

from __future__ import annotations

from memlab.baselines.baseline import BaselineData, Predicted, baseline
from memlab.baselines.penalties import RidgePath


@baseline(
    "ridge", "linear (ridge)", "least squares on one-hot labels, penalty by validation", 60_000
)
def ridge(data: BaselineData) -> Predicted:
    """The penalty is the largest of the best validation accuracy."""
    path = RidgePath.of(data.train_x, data.targets())
    penalty, _ = path.choose(data.validation_x, data.validation_y)
    return Predicted(
        path.predict(data.train_x, penalty),
        path.predict(data.test_x, penalty),
        {"penalty": penalty},
    )
