"""Kernel machines with the Laplace kernel exp(−‖x − z‖ / σ), ‖·‖ Euclidean (Belkin 2018)."""

from __future__ import annotations

import numpy as np

from memlab.baselines.baseline import BaselineData, Features, Predicted, baseline
from memlab.baselines.kernel_ridge import MOST_EXAMPLES, interpolate, penalized


def laplace(squared: Features, bandwidth: float) -> Features:
    """Kernel values from squared distances, in place."""
    np.sqrt(squared, out=squared)
    squared *= np.float32(-1.0 / bandwidth)
    return np.exp(squared, out=squared)


@baseline(
    "laplace", "Laplace kernel", "kernel ridge, bandwidth and penalty by validation", MOST_EXAMPLES
)
def laplace_ridge(data: BaselineData) -> Predicted:
    """Kernel ridge regression, tuned."""
    return penalized(data, laplace)


@baseline(
    "laplace-interpolating",
    "Laplace kernel, interpolating",
    "kernel interpolation of all given labels, bandwidth by validation",
    MOST_EXAMPLES,
)
def laplace_interpolating(data: BaselineData) -> Predicted:
    """The minimum-norm interpolant."""
    return interpolate(data, laplace)
