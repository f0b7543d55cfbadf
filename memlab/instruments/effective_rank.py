"""How many directions a representation uses."""

from __future__ import annotations

import torch
from torch import Tensor


def singular_values(features: Tensor, centre: bool = True) -> Tensor:
    """Singular values of features `[…, n, features]`, float64, largest first.

    Centred over examples unless `centre` is False, as Roy and Vetterli have it.
    """
    values = features.double()
    if centre:
        values = values - values.mean(-2, keepdim=True)
    found: Tensor = torch.linalg.svdvals(values)
    return found


def effective_rank(values: Tensor) -> Tensor:
    """exp(−Σ pᵢ ln pᵢ), pᵢ = σᵢ / Σσ (Roy and Vetterli 2007, definition 1), `[…, rank]` to `[…]`.

    Between 1 and the rank, which it is for equal singular values; NaN where all are 0.
    """
    share = values / values.sum(-1, keepdim=True)
    entropy: Tensor = torch.special.entr(share).sum(-1)
    return entropy.exp()


def participation_ratio(values: Tensor) -> Tensor:
    """(Σλ)² / Σλ² of the covariance's eigenvalues λ = σ², singular `values` `[…, rank]` to `[…]`.

    Between 1 and the rank; large directions weigh more than in `effective_rank`.
    """
    spectrum = values.square()
    return spectrum.sum(-1).square() / spectrum.square().sum(-1)
