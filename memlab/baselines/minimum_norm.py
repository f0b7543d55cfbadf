"""The minimum-norm linear interpolant (Zhang 2017, section 5): ridge in the limit of no penalty."""

from __future__ import annotations

from memlab.baselines.baseline import BaselineData, Predicted, baseline
from memlab.baselines.penalties import RidgePath


@baseline(
    "minimum-norm",
    "linear, minimum norm",
    "least squares of smallest norm; fits all labels where features outnumber examples",
    60_000,
)
def minimum_norm(data: BaselineData) -> Predicted:
    """W = X⁺ Y on centred data, with an intercept; least squares where it cannot interpolate."""
    path = RidgePath.of(data.train_x, data.targets())
    return Predicted(path.predict(data.train_x, 0.0), path.predict(data.test_x, 0.0))
