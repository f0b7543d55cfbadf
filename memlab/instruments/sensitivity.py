"""Loss sensitivity, the direct kind: ‖∂ℓ(x)/∂x‖₁ at the current parameters (Arpit 2017, 3.2).

The paper's own quantity goes through the updates of training: `unrolled_sensitivity`. The direct
one is cheap, and averaged over the evaluations of a training.
"""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.training.adversarial import Forward
from memlab.training.loss import soft_targets


def loss_sensitivity(
    forward: Forward, x: Tensor, targets: Tensor, loss: str = "cross-entropy"
) -> Tensor:
    """‖∂ℓ(xᵢ, yᵢ)/∂xᵢ‖₁ of each example, `[members, n]`.

    `x` is `[members or 1, n, …]`, `targets` `[members, n]`; `forward` maps inputs to logits and
    treats examples separately (no batch statistics).
    """
    leaf = x.detach().expand(len(targets), *x.shape[1:]).contiguous().requires_grad_(True)
    logits = forward(leaf)
    return _norms(logits, leaf, loss_slope(loss, logits.detach(), targets))


def class_sensitivity(
    forward: Forward, x: Tensor, targets: Tensor, classes: int, loss: str = "cross-entropy"
) -> Tensor:
    """Class by class: S[i, j] = mean over inputs x of class j of ‖∂ℓ(x, i)/∂x‖₁.

    That is the loss under label i at inputs of class j (Arpit 2017, figure 4, in the direct form).
    Arguments as in `loss_sensitivity`; `[members, classes, classes]`, NaN in the columns of classes
    that `targets` does not have. Costs one backward pass per class.
    """
    leaf = x.detach().expand(len(targets), *x.shape[1:]).contiguous().requires_grad_(True)
    logits = forward(leaf)
    rows = []
    for label in range(classes):
        assumed = torch.full_like(targets, label)
        slope = loss_slope(loss, logits.detach(), assumed)
        rows.append(_norms(logits, leaf, slope, keep=label < classes - 1))
    onehot = torch.nn.functional.one_hot(targets, classes).double()
    return torch.stack(rows, 1).double() @ onehot / onehot.sum(1, keepdim=True)


def off_diagonal_share(matrix: Tensor) -> Tensor:
    """Sum off the diagonal ÷ sum of all, of `[…, classes, classes]`; NaN counts as absent.

    1 − 1/classes where all entries are equal.
    """
    known = matrix.nan_to_num(0.0)
    diagonal = known.diagonal(dim1=-2, dim2=-1).sum(-1)
    return 1 - diagonal / known.sum((-2, -1))


def loss_slope(loss: str, logits: Tensor, targets: Tensor) -> Tensor:
    """∂ℓ/∂logits of each example, shaped like `logits`.

    For cross-entropy p_y − 1 is taken as −Σ_{j≠y} p_j, which keeps its digits where an example is
    fitted and p_y rounds to 1.
    """
    if loss == "squared":
        return logits - soft_targets(logits, targets, None)
    where = targets.unsqueeze(-1)
    others = logits.softmax(-1).scatter(-1, where, 0.0)
    return others.scatter(-1, where, -others.sum(-1, keepdim=True))


def _norms(logits: Tensor, leaf: Tensor, slope: Tensor, keep: bool = False) -> Tensor:
    # Of a scalar: given what goes back from several numbers, torch imports sympy first.
    (gradient,) = torch.autograd.grad((logits * slope).sum(), leaf, retain_graph=keep)
    return gradient.abs().flatten(2).sum(2)
