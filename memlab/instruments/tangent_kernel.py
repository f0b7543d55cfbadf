"""The tangent kernel of a network, without the residuals of its loss.

K_ij = J_i J_jᵀ `[classes, classes]`, J_i the Jacobian of example i's logits with respect to all
parameters (Jacot 2018, arXiv 1806.07572). Its trace is a sum over classes of Gram matrices of
gradients of single logits, so that no Jacobian is formed; the same with the roots of the softmax's
covariance in place of single logits is the Fisher matrix's trace.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from memlab.instruments.gram import of_outputs
from memlab.models.stacked import StackedModel


def tangent_kernel(model: StackedModel, x: Tensor) -> Tensor:
    """tr K_ij, `[members, examples, examples]`, in as many passes as there are classes.

    `x` is `[members or 1, examples, …]`; see `gram` for what is in evaluation mode.

    Raises:
        UncoveredLayer: as `gram`.
    """
    classes = model.shape.classes
    parts = [of_outputs(model, x, partial(single, chosen=c)) for c in range(classes)]
    return torch.stack(parts).sum(0)


def single(logits: Tensor, chosen: int) -> Tensor:
    """1 at the logit `chosen`, 0 at the others, shaped as `logits`."""
    start = torch.zeros_like(logits)
    start[..., chosen] = 1.0
    return start


def fisher_traces(model: StackedModel, x: Tensor, loss: str) -> Tensor:
    """tr of each example's Fisher matrix, J_iᵀ S_i J_i, `[members, examples]`.

    Labels are drawn from the model's own predictions p: S = diag p − p pᵀ for cross-entropy, and
    the identity for squared error, a Gaussian of variance 1 (Jastrzębski 2021, arXiv 2012.14193,
    section 2). Nothing is drawn: it is the sum over classes c of p_c ‖J_iᵀ(p − e_c)‖².

    Raises:
        UncoveredLayer: as `gram`.
    """

    def root(logits: Tensor, chosen: int) -> Tensor:
        if loss == "squared":
            return single(logits, chosen)
        probabilities = logits.softmax(-1)
        share = probabilities[..., chosen : chosen + 1].sqrt()
        return share * (probabilities - single(logits, chosen))

    total: Tensor | None = None
    for c in range(model.shape.classes):
        part = of_outputs(model, x, partial(root, chosen=c)).diagonal(dim1=1, dim2=2)
        total = part if total is None else total + part
    assert total is not None
    return total
