"""Margins of the logits, and their distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from memlab.training.adversarial import Forward

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class MarginSummary:
    """Quantiles at `levels`, `[levels, members]`; mean and share below 0, `[members]`; float64."""

    levels: tuple[float, ...]
    quantiles: Tensor
    mean: Tensor
    negative: Tensor


def margins(logits: Tensor, targets: Tensor) -> Tensor:
    """Assigned logit − largest other logit (Pleiss 2020, arXiv 2001.10528), `[members, n]`.

    `logits` is `[members, n, classes]`, `targets` `[members, n]`. Above 0 where the prediction is
    the assigned label.
    """
    where = targets.unsqueeze(-1)
    others = logits.scatter(-1, where, -torch.inf)
    return logits.gather(-1, where).squeeze(-1) - others.amax(-1)


def normalized_margins(forward: Forward, x: Tensor, targets: Tensor) -> Tensor:
    """Margin ÷ ℓ1 norm of its gradient at the input, `[members, n]`, in the units of `x`.

    To first order the ‖·‖_∞ distance to the nearest other class, exactly so for a linear model of
    two classes. `x` is `[members or 1, n, …]`.
    """
    leaf = x.detach().expand(len(targets), *x.shape[1:]).contiguous().requires_grad_(True)
    values = margins(forward(leaf), targets)
    (gradient,) = torch.autograd.grad(values.sum(), leaf)
    return values.detach() / gradient.abs().flatten(2).sum(2)


def summarize(
    values: Tensor, chosen: Tensor | None = None, levels: Sequence[float] = LEVELS
) -> MarginSummary:
    """The distribution of `values` `[members, n]`, of the `chosen` (bool, alike) only.

    NaN for a member that has none of them.
    """
    kept = values.double()
    if chosen is not None:
        kept = kept.masked_fill(~chosen, torch.nan)
    at = kept.new_tensor(tuple(levels))
    quantiles = torch.stack([torch.nanquantile(row, at) for row in kept], 1)
    number = (~kept.isnan()).sum(1)
    return MarginSummary(tuple(levels), quantiles, kept.nanmean(1), (kept < 0).sum(1) / number)
