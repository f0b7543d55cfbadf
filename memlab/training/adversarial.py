"""Adversarial examples by LASS, for adversarial training (Arpit 2017, sections 4.1 and 5)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from memlab.training.loss import example_losses
from memlab.training.randomness import KeyedNoise

#: Arpit's α, β and r are 0.25, 0.2 and 0.3 on the 0-to-255 scale; here relative to the radius.
STEP, LANGEVIN = 0.25 / 0.3, 0.2 / 0.3


def adversarial_examples(
    forward: Callable[[Tensor], Tensor],
    x: Tensor,
    radius: Tensor,
    steps: int,
    noise: KeyedNoise,
) -> Tensor:
    """x̂ ← clip(x̂ + α·sign(∂ℓ(x̂, k)/∂x̂) + β·z), k the network's own prediction at x.

    `x` is `[members, batch, …]`, `radius` `[members]` the half side of the box around x, z standard
    normal.
    """
    with torch.no_grad():
        predicted = forward(x).argmax(-1)
    r = radius.view(-1, *([1] * (x.dim() - 1)))
    ones = noise.rates.dropout * 0 + 1.0
    found = x.clone()
    for step in range(steps):
        found.requires_grad_(True)
        loss = example_losses("cross-entropy", forward(found), predicted).sum()
        (slope,) = torch.autograd.grad(loss, found)
        z = noise.gaussian(f"adversarial{step}", ones, x)
        assert z is not None
        moved = found.detach() + r * (STEP * slope.sign() + LANGEVIN * z)
        found = torch.minimum(torch.maximum(moved, x - r), x + r)
    return found.detach()
