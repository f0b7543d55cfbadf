"""Per-example losses and their gradients at the output, for stacks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def example_losses(
    name: str, logits: Tensor, targets: Tensor, smoothing: Tensor | None = None
) -> Tensor:
    """Loss of each example, `[members, examples]`.

    `logits` is `[members, examples, classes]`, `targets` `[members, examples]`. `cross-entropy` is
    softmax cross-entropy, with `smoothing` (`[members]`) of the target's mass spread evenly over
    all classes (Szegedy 2016, section 7); `squared` is ½‖logits − one-hot‖² (Cohen 2021).
    """
    if name == "squared":
        target = soft_targets(logits, targets, smoothing)
        return 0.5 * (logits - target).square().sum(-1)
    logs = functional.log_softmax(logits, -1)
    nll = -_of_targets(logs, targets)
    if smoothing is None:
        return nll
    share = smoothing.view(-1, 1)
    return (1 - share) * nll - share * logs.mean(-1)


def output_gradient(
    name: str,
    logits: Tensor,
    targets: Tensor,
    smoothing: Tensor | None,
    memory: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """(losses `[members, examples]`, gradient of their mean over examples at the logits).

    The logits' memory is used up; plain cross-entropy puts the gradient into `memory`, if given.
    """
    examples = logits.shape[1]
    if name == "squared" or smoothing is not None:
        losses = example_losses(name, logits, targets, smoothing)
        ahead = logits if name == "squared" else functional.softmax(logits, -1)
        return losses, (ahead - soft_targets(logits, targets, smoothing)).div_(examples)
    logs = torch.log_softmax(logits, -1, out=memory)
    losses = -_of_targets(logs, targets)
    gradient = logs.exp_()
    if gradient.is_cuda:
        gradient.sub_(_is_target(targets, logs.shape[-1]).to(logs.dtype))
    else:
        where = targets.unsqueeze(-1)
        gradient.scatter_add_(-1, where, gradient.new_full((), -1.0).expand(where.shape))
    return losses, gradient.div_(examples)


def soft_targets(logits: Tensor, targets: Tensor, smoothing: Tensor | None) -> Tensor:
    """One-hot targets, smoothed where asked, shaped like `logits`."""
    classes = logits.shape[-1]
    onehot = _is_target(targets, classes).to(logits.dtype)
    if smoothing is None:
        return onehot
    share = smoothing.view(-1, 1, 1)
    return (1 - share) * onehot + share / classes


def _of_targets(logs: Tensor, targets: Tensor) -> Tensor:
    """The entry of each row at its target, `[members, examples]`."""
    if logs.is_cuda:
        return torch.where(_is_target(targets, logs.shape[-1]), logs, 0.0).sum(-1)
    return logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def _is_target(targets: Tensor, classes: int) -> Tensor:
    """`[…, classes]`, true at the target.

    By comparison: with deterministic algorithms CUDA's scatter, and the gradient of its gather,
    sort all indices first.
    """
    return targets.unsqueeze(-1) == torch.arange(classes, device=targets.device)
