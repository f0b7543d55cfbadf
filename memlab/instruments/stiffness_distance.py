"""Stiffness of pairs of one class against the distance of their inputs (Fort 2019, 1901.09491).

The dynamical critical length ξ is the distance at which the mean within-class stiffness crosses
zero, by a straight line through all pairs. Pairs share examples and are not independent, so the
intervals are from a bootstrap over examples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Decay:
    """The line stiffness = intercept + slope · distance; all float64.

    `intercept`, `slope` and `critical_length` are `[members]`; their intervals `[members, 2]` hold
    the percentiles asked for. ξ = −intercept / slope where the slope is negative, else infinite:
    then stiffness does not fall to zero at any distance. It may lie outside the distances seen.
    """

    intercept: Tensor
    slope: Tensor
    critical_length: Tensor
    slope_interval: Tensor
    critical_interval: Tensor


def input_distances(x: Tensor, y: Tensor | None = None) -> Tensor:
    """1 − cos(xᵢ, yⱼ) ∈ [0, 2], `[members or 1, m, n]`; without `y` between the examples of `x`.

    Inputs are `[members or 1, examples, …]`, on the unit sphere after flattening; one that is all
    zero is at distance 1 from every other. Of tokens it is the share of places where they differ,
    which is the same of their indicators.
    """
    if not x.is_floating_point():
        first, second = x.flatten(2), (x if y is None else y).flatten(2)
        return (first.unsqueeze(2) != second.unsqueeze(1)).double().mean(3)
    left = torch.nn.functional.normalize(x.flatten(2), dim=2)
    right = left if y is None else torch.nn.functional.normalize(y.flatten(2), dim=2)
    return (1 - left @ right.mT).clamp_(0, 2)


def within_class_pairs(labels: Tensor) -> Tensor:
    """Pairs i < j of one class, `[members or 1, m, m]`, bool, from `labels` `[members or 1, m]`."""
    return (labels.unsqueeze(2) == labels.unsqueeze(1)).triu(1)


def binned(
    values: Tensor, distances: Tensor, pairs: Tensor, edges: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean stiffness and number of pairs per bin of distance, each `[members, bins]`, float64.

    `values` is `[members, m, n]`, `distances` and `pairs` (bool) `[members or 1, m, n]`; `edges`
    `[bins + 1]` or `[members or 1, bins + 1]`, as many rows as `distances`, rise. A bin has its
    lower edge, the last one both; NaN where it has no pair.
    """
    bins = edges.shape[-1] - 1
    edges = edges.expand(len(distances), -1)
    first, last = edges[:, 0, None, None], edges[:, -1, None, None]
    sought = distances.double().flatten(1)
    place = torch.searchsorted(edges.double().contiguous(), sought, right=True) - 1
    place = place.view(distances.shape).where(distances < last, bins - 1)
    inside = pairs & (distances >= first) & (distances <= last)
    place = place.where(inside, bins).expand(values.shape).flatten(1)
    sums = values.new_zeros(len(values), bins + 1, dtype=torch.float64)
    counts = torch.zeros_like(sums)
    flat = values.double().flatten(1)
    sums.scatter_add_(1, place, flat)
    counts.scatter_add_(1, place, torch.ones_like(flat))
    return (sums / counts.where(counts > 0, torch.nan))[:, :bins], counts[:, :bins]


def resampled(generator: np.random.Generator, replicates: int, examples: int) -> np.ndarray:
    """How often each example is drawn in each bootstrap sample, `[replicates, examples]`."""
    return generator.multinomial(examples, np.full(examples, 1 / examples), size=replicates)


def decay(
    values: Tensor,
    distances: Tensor,
    pairs: Tensor,
    weights: Tensor,
    confidence: float = 0.95,
) -> Decay:
    """Least squares through all `pairs`, with percentile intervals from a bootstrap over examples.

    `values` is `[members, m, m]`, `distances` and `pairs` (bool, each pair once) `[members or 1, m,
    m]`, `weights` `[replicates, m]` from `resampled`: in a replicate a pair counts as often as the
    product of its examples' numbers, and copies of one example form no pair. NaN without pairs of
    two distances at least.
    """
    ones = torch.ones_like(weights[:1])
    weights = torch.cat([ones, weights]).to(values.device, torch.float64)
    mask = pairs.double()
    distance = distances.double() * mask
    value = values.double() * mask
    count, sum_d, sum_dd, sum_v, sum_dv = (
        (weights @ part * weights).sum(2)
        for part in (mask, distance, distance * distances, value, value * distances)
    )
    spread = sum_dd - sum_d**2 / count
    slope = (sum_dv - sum_d * sum_v / count) / spread.where(spread > 0, torch.nan)
    intercept = (sum_v - slope * sum_d) / count
    length = (-intercept / slope).where(~(slope >= 0), torch.inf)
    return Decay(
        intercept[:, 0],
        slope[:, 0],
        length[:, 0],
        _interval(slope[:, 1:], confidence),
        _interval(length[:, 1:], confidence),
    )


def _interval(replicates: Tensor, confidence: float) -> Tensor:
    """Percentiles `[members, 2]` of `[members, replicates]`, NaN left out."""
    tail = (1 - confidence) / 2
    at = replicates.new_tensor([tail, 1 - tail])
    return torch.nanquantile(replicates, at, dim=1, interpolation="nearest").T
