"""LASS, Langevin adversarial sample search, and its use in training (Arpit 2017, 4.1 and 5).

Here lives one step of the search, which `memlab.instruments.critical_samples` takes as well, and
the adversarial examples to train on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from memlab.training.loss import example_losses
from memlab.training.randomness import KeyedNoise

Forward = Callable[[Tensor], Tensor]

#: Arpit's α, β and r are 0.25, 0.2 and 0.3 on the 0-to-255 scale; here relative to the radius.
STEP, LANGEVIN = 0.25 / 0.3, 0.2 / 0.3


def adversarial_examples(
    forward: Forward,
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
        z = noise.gaussian(f"adversarial{step}", ones, x)
        assert z is not None
        found, _ = search_step(forward, cross_entropy, found, x, predicted, r, z)
    return found.detach()


def cross_entropy(logits: Tensor, predicted: Tensor) -> Tensor:
    """ℓ(x̂, k), `[members, batch]`."""
    return example_losses("cross-entropy", logits, predicted)


def search_step(
    forward: Forward,
    climbed: Callable[[Tensor, Tensor], Tensor],
    found: Tensor,
    x: Tensor,
    predicted: Tensor,
    radius: Tensor,
    z: Tensor,
) -> tuple[Tensor, Tensor]:
    """One step of LASS: (the moved x̂, the logits at `found`, before the move).

    `found` is x̂ and `x` the centre of the box, `[members, batch, …]`; `radius` broadcasts against
    them; `climbed` maps logits and `predicted`, `[members, batch]`, to what is to grow. Lengths
    are relative to the radius: α = `STEP`·r, β = `LANGEVIN`·r.
    """
    found = found.detach().requires_grad_(True)
    logits = forward(found)
    (slope,) = torch.autograd.grad(climbed(logits, predicted).sum(), found)
    moved = found.detach() + radius * (STEP * slope.sign() + LANGEVIN * z)
    return torch.minimum(torch.maximum(moved, x - radius), x + radius), logits.detach()
