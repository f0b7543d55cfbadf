"""Membership: can one tell from a network's margin whether it was trained on an example?

The attack of Carlini et al. 2022 (arXiv 2112.03570, algorithm 1, LiRA) with the margin as its
statistic: every network is attacked with all others as shadows, normal distributions of the margin
with and without the example, and one threshold for a whole group of examples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memlab.runs.outcomes import Mask

FALSE_POSITIVES = 0.01
#: Fewer non-members do not tell a rate of 1 %.
LEAST = 500


def likelihood_ratios(own: Mask, margin: NDArray[np.floating]) -> NDArray[np.float64]:
    """log p(margin | member) − log p(margin | no member), `[networks, train examples]`.

    Each network's own margin is left out of the distributions that it is judged by.
    """
    values = margin.astype(np.float64)
    values -= values.mean(0)
    densities = []
    for mask in (own, ~own):
        others = mask.sum(0) - mask
        kept = np.where(mask, values, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (kept.sum(0) - kept) / others
            variance = ((kept**2).sum(0) - kept**2) / others - mean**2
            variance = np.maximum(variance, 1e-6) * others / (others - 1)
            densities.append(-0.5 * np.log(variance) - 0.5 * (values - mean) ** 2 / variance)
    return np.asarray(densities[0] - densities[1], np.float64)


def true_positive_rate(ratios: NDArray[np.float64], own: Mask, group: Mask) -> float:
    """Members found at 1 % false positives among the non-members of `group` `[train examples]`.

    NaN where there are too few of them.
    """
    found, member = ratios[:, group], own[:, group]
    there = np.isfinite(found)
    inside, outside = found[member & there], found[~member & there]
    if len(outside) < LEAST or not len(inside):
        return float("nan")
    return float((inside > np.quantile(outside, 1 - FALSE_POSITIVES)).mean())
