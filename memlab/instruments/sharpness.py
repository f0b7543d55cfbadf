"""Curvature against the step: is the largest eigenvalue at what gradient descent can bear?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from memlab.instruments.hessian_product import hessian_product, mean_gradient
from memlab.instruments.parameter_vectors import StackProduct
from memlab.models.stacked import StackedModel


def edge_ratio(
    sharpness: Tensor,
    learning_rate: Tensor | float,
    momentum: Tensor | float = 0.0,
    nesterov: bool = False,
) -> Tensor:
    """The largest eigenvalue over the one beyond which full-batch steps overshoot; 1 is the edge.

    That one is 2/η for gradient descent, 2(1 + m)/η with heavy-ball momentum (undamped, v ← m v +
    g), and 2(1 + m)/(η(1 + 2m)) with Nesterov's (Cohen 2021, arXiv 2103.00065, section 2 and
    appendix B). Derived for full batches on a quadratic. All tensors `[members]`.
    """
    share = (1 + 2 * momentum) if nesterov else 1.0
    ratio: Tensor = sharpness * learning_rate * share / (2 + 2 * momentum)
    return ratio


def adam_edge_ratio(
    preconditioned: Tensor, learning_rate: Tensor | float, beta1: Tensor | float
) -> Tensor:
    """As `edge_ratio` for Adam, of the largest eigenvalue of the *preconditioned* Hessian.

    The edge is 2(1 + β₁)/((1 − β₁)η), 38/η at β₁ = 0.9: the preconditioner at rest, Adam is descent
    with a moving average of gradients (Cohen 2022, arXiv 2207.14484, section 2). Derived for full
    batches too.
    """
    ratio: Tensor = preconditioned * learning_rate * (1 - beta1) / (2 + 2 * beta1)
    return ratio


def preconditioned(product: StackProduct, divisors: Tensor) -> StackProduct:
    """v ↦ P^(−½) H P^(−½) v of `product` v ↦ H v, symmetric, its eigenvalues those of P⁻¹ H.

    `divisors` `[members, parameters]` is the diagonal of P, positive.
    """
    scale = divisors.rsqrt()

    def multiply(vectors: Tensor) -> Tensor:
        return product(vectors * scale).mul_(scale)

    def select(members: Sequence[int]) -> StackProduct:
        return preconditioned(product.select(members), divisors[list(members)])

    return StackProduct(multiply, select)


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
