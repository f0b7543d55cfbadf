"""How well a score tells positive from negative examples: area under the ROC curve, with interval.

Ties count half. The interval is DeLong's, which treats examples as the unit: it says how sure the
area is for these networks, not for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Area:
    """Area under the ROC curve; NaN, with NaN as interval, where one of the two is missing."""

    auc: float
    low: float
    high: float
    positives: int
    negatives: int


def midranks(values: Values) -> Values:
    """Ranks from 1, equal values sharing the mean of theirs; infinities are ordinary values."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[place.reshape(-1)], np.float64)


def roc_area(scores: Values, positive: Mask, level: float = 0.95) -> Area:
    """Area under the ROC curve of `scores` `[n]` (high: positive) with its interval.

    DeLong 1988 through midranks (Sun and Xu 2014, algorithm 2): the variance of the area is
    var(V10) / m + var(V01) / n over the placement values of the m positives and n negatives.

    Raises:
        ValueError: if a score is NaN.
    """
    if np.isnan(scores).any():
        raise ValueError("scores must not be NaN")
    first, second = scores[positive], scores[~positive]
    m, n = len(first), len(second)
    if m == 0 or n == 0:
        return Area(np.nan, np.nan, np.nan, m, n)
    ranks = midranks(scores)
    above = (ranks[positive] - midranks(first)) / n
    below = 1.0 - (ranks[~positive] - midranks(second)) / m
    auc = float(above.mean())
    variance = sum(float(v.var(ddof=1)) / len(v) for v in (above, below) if len(v) > 1)
    half = NormalDist().inv_cdf(0.5 + level / 2) * variance**0.5
    return Area(auc, max(0.0, auc - half), min(1.0, auc + half), m, n)
