"""Kernel machines with the Gaussian kernel exp(−‖x − z‖² / 2σ²)."""

from __future__ import annotations

import numpy as np

from memlab.baselines.baseline import BaselineData, Features, Predicted, baseline
from memlab.baselines.kernel_ridge import MOST_EXAMPLES, interpolate, penalized


def gaussian(squared: Features, bandwidth: float) -> Features:
    """Kernel values from squared distances, in place."""
    squared *= np.float32(-0.5 / bandwidth**2)
    return np.exp(squared, out=squared)


@baseline(
    "rbf", "Gaussian kernel", "kernel ridge, bandwidth and penalty by validation", MOST_EXAMPLES
)
def rbf(data: BaselineData) -> Predicted:
    """Kernel ridge regression, tuned."""
    return penalized(data, gaussian)


@baseline(
    "rbf-interpolating",
    "Gaussian kernel, interpolating",
    "kernel interpolation of all given labels, bandwidth by validation",
    MOST_EXAMPLES,
)
def rbf_interpolating(data: BaselineData) -> Predicted:
    """The minimum-norm interpolant."""
    return interpolate(data, gaussian)
