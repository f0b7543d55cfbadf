"""Gini coefficient: 0 where all examples have the same value, near 1 where one has all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.experiment.keys import key

#: Resampled values at once, for the memory of the bootstrap.
CHUNK = 1 << 22


@dataclass(frozen=True)
class GiniInterval:
    """Gini coefficient and its bootstrap interval, each float64 `[members]`."""

    value: Tensor
    low: Tensor
    high: Tensor


def gini(values: Tensor) -> Tensor:
    """Gini coefficient over the last dimension, `[…, n]` to float64 `[…]`.

    G = Σᵢ (2i − n − 1) x₍ᵢ₎ / (n Σ x) for x₍₁₎ ≤ … ≤ x₍ₙ₎ (Arpit 2017, section 3.2). `values` are
    not negative. 1 − 1/n where one has all; NaN where all are 0 or any is not finite.
    """
    ordered = values.double().sort(-1).values
    n = values.shape[-1]
    rank = torch.arange(1 - n, n, 2, dtype=torch.float64, device=values.device)
    return (ordered * rank).sum(-1) / (n * ordered.sum(-1))


def gini_interval(
    values: Tensor,
    seeds: Sequence[int],
    counter: int = 0,
    *,
    resamples: int = 1000,
    level: float = 0.95,
) -> GiniInterval:
    """With a percentile bootstrap over examples, `values` `[members, n]`.

    `seeds`, one per member, and `counter` key the resampling.
    """
    rows = values.detach().double().sort(1).values.cpu().numpy()
    tails = [(1 - level) / 2, (1 + level) / 2]
    ends = np.stack(
        [
            np.quantile(_resampled(row, key(seed, "gini", counter), resamples), tails)
            for row, seed in zip(rows, seeds, strict=True)
        ],
        axis=1,
    )
    low, high = torch.from_numpy(ends).to(values.device)
    return GiniInterval(gini(values), low, high)


def _resampled(ordered: np.ndarray, generator: np.random.Generator, resamples: int) -> np.ndarray:
    """Gini coefficients of `resamples` draws of n from the ascending values, with replacement.

    Ascending already, a draw needs only the count of each value, not a sort of its own.
    """
    n = len(ordered)
    size = max(1, CHUNK // n)
    parts = []
    for start in range(0, resamples, size):
        draws = min(size, resamples - start)
        drawn = generator.integers(0, n, (draws, n)) + n * np.arange(draws)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)
        rank_sums = counts * (2 * counts.cumsum(1) - counts - n)
        with np.errstate(invalid="ignore"):
            parts.append(rank_sums @ ordered / (n * (counts @ ordered)))
    return np.concatenate(parts)
