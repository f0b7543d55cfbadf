"""A penalty on the Fisher matrix's trace (Jastrzębski 2021, arXiv 2012.14193, section 3).

The squared norm of the mini-batch's mean gradient, its labels drawn from the network's own
predictions: such gradients have the mean 0, so that this is Tr F ÷ S on average. Who is penalized
when is here too; the trainer adds it to the loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment
from memlab.training.loss import example_losses
from memlab.training.randomness import KeyedNoise


class FisherPenalty:
    """Weights of the penalty for the members of a stack, each in a window of its own."""

    def __init__(self, experiments: Sequence[Experiment], timeline: Timeline) -> None:
        specs = [e.regularization for e in experiments]
        self.on = any(spec.fisher_penalty > 0 for spec in specs)
        self._weights = [spec.fisher_penalty for spec in specs]
        self._windows = [
            (_update(timeline, spec.fisher_from), _update(timeline, spec.fisher_until))
            for spec in specs
        ]

    @property
    def borders(self) -> frozenset[int]:
        """Updates at which a member's penalty begins or ends."""
        if not self.on:
            return frozenset()
        return frozenset(int(u) for window in self._windows for u in window if math.isfinite(u))

    def weights(self, update: int, active: Sequence[int], device: torch.device) -> Tensor | None:
        """`[active]` for this update; None where nobody is penalized."""
        now = [
            self._weights[i] if self._windows[i][0] <= update < self._windows[i][1] else 0.0
            for i in active
        ]
        return torch.tensor(now, dtype=torch.float32, device=device) if any(now) else None


def fisher_penalty(
    logits: Tensor, parameters: Sequence[Tensor], noise: KeyedNoise, weights: Tensor
) -> Tensor:
    """weight · ‖ĝ‖² for each member, `[members]`, to be differentiated.

    `logits` `[members, batch, classes]` is a function of `parameters`, each `[members, …]`.
    """
    with torch.no_grad():
        below = logits.softmax(-1).cumsum(-1)
        drawn = (below < noise.uniforms("fisher", below[..., :1])).sum(-1)
        drawn.clamp_(max=logits.shape[-1] - 1)
    losses = example_losses("cross-entropy", logits, drawn).mean(1)
    gradients = torch.autograd.grad(losses.sum(), parameters, create_graph=True)
    squares = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0)
    # Not weight · square: where nobody asked for it, what is infinite is not to become NaN.
    return torch.where(weights > 0, weights * squares, torch.zeros_like(squares))


def _update(timeline: Timeline, epoch: float | None) -> float:
    found = None if epoch is None else timeline.update_at(epoch)
    return math.inf if found is None else found
