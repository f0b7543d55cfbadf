"""Curvature against the step: is the largest eigenvalue at what gradient descent can bear?"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from memlab.instruments.hessian_product import hessian_product, mean_gradient
from memlab.models.stacked import StackedModel


def edge_ratio(
    sharpness: Tensor,
    learning_rate: Tensor | float,
    momentum: Tensor | float = 0.0,
    nesterov: bool = False,
) -> Tensor:
    """The largest eigenvalue over the one beyond which a step overshoots; 1 is the edge.

    That one is 2/η for full-batch gradient descent, (2 + 2m)/η with heavy-ball momentum, and
    (2 + 2m)/((1 + 2m) η) with Nesterov's (Cohen 2021, arXiv 2103.00065, section 2 and appendix B).
    All tensors `[members]`. For mini-batches use it with `batch_sharpness`, not λ₁.
    """
    share = (1 + 2 * momentum) if nesterov else 1.0
    ratio: Tensor = sharpness * learning_rate * share / (2 + 2 * momentum)
    return ratio


@dataclass(frozen=True)
class BatchSharpness:
    """Mean over mini-batches and its standard error (NaN from one), float64 `[members]`, CPU."""

    value: Tensor
    error: Tensor
    batches: int


def batch_sharpness(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    generator: np.random.Generator,
    loss: str = "cross-entropy",
    smoothing: Tensor | None = None,
    *,
    batch_size: int,
    batches: int = 8,
) -> BatchSharpness:
    """The mean over mini-batches B of gᵀ H g ÷ ‖g‖², g and H the gradient and Hessian on B.

    The expected directional curvature of mini-batches along their own gradients is what mini-batch
    SGD keeps near 2/η, where λ₁ stays below (Andreyev and Beneventano 2024, arXiv 2412.20553).
    At most `batches` disjoint batches of `batch_size` examples, drawn by `generator`, the same
    examples for all members; `x` `[members or 1, n, …]`, `targets` `[members, n]`. A batch whose
    gradient is 0 gives NaN.

    Raises:
        ValueError: if there are fewer examples than `batch_size`.
    """
    examples = targets.shape[1]
    if not 0 < batch_size <= examples:
        raise ValueError(f"batches of {batch_size} from {examples} examples")
    order = torch.from_numpy(generator.permutation(examples)).to(targets.device)
    quotients = []
    for batch in torch.split(order, batch_size)[: min(batches, examples // batch_size)]:
        part, labels = x[:, batch], targets[:, batch]
        g = mean_gradient(model, part, labels, loss, smoothing)
        g = g / g.norm(dim=1, keepdim=True)
        curved = hessian_product(model, part, labels, loss, smoothing, chunk=batch_size)(g)
        quotients.append((g.double() * curved.double()).sum(1).cpu())
    stacked = torch.stack(quotients)
    error = stacked.std(0) / sqrt(len(quotients)) if len(quotients) > 1 else stacked[0] * torch.nan
    return BatchSharpness(stacked.mean(0), error, len(quotients))
