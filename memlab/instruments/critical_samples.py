"""Critical sample ratio by LASS (Arpit 2017, arXiv 1706.05394, section 4.1, algorithm 1).

An example is critical if some x̂ with ‖x − x̂‖_∞ ≤ r is given another class. The search is random
and has few steps, so the ratio is a lower bound: it may miss critical examples, but each one that
it reports comes with its x̂. The examples should be validation examples.

The search climbs log Σ_{j≠k} exp(z_j − z_k) of the logits z and the network's own prediction k. Its
gradient is that of the paper's ℓ(x̂, k) times a positive number, hence has the same sign, but it
does not vanish in float32 where the network is certain (a margin of 17 rounds p_k to 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.training.adversarial import Forward, search_step
from memlab.training.device_noise import noise_on
from memlab.training.randomness import KeyedNoise, Rates


@dataclass(frozen=True)
class CriticalSamples:
    """What a search found, at one radius.

    `critical` is bool `[members, examples]`; `steps` int64 of the same shape, the moves made until
    the class changed, or all of them; `found` is x̂ `[members, examples, …]`, inside the box and of
    another class where critical.
    """

    critical: Tensor
    steps: Tensor
    found: Tensor

    @property
    def ratio(self) -> Tensor:
        """Critical examples ÷ all, float64 `[members]`."""
        return self.critical.double().mean(1)


@dataclass(frozen=True)
class CriticalCurve:
    """Which examples are critical at each of the ascending `radii`.

    `critical` is bool `[radii, members, examples]`; `steps` int64 of the same shape, the moves
    made at that radius, 0 for an example found at a smaller one.
    """

    radii: tuple[float, ...]
    critical: Tensor
    steps: Tensor

    @property
    def ratio(self) -> Tensor:
        """Critical sample ratio, float64 `[radii, members]`; it never falls with the radius."""
        return self.critical.double().mean(2)

    def radius_at(self, ratio: float) -> Tensor:
        """The radius where the ratio reaches `ratio`, linear in between, float64 `[members]`.

        The curve starts at ratio 0 of radius 0; NaN where it does not get as far as `ratio`.
        """
        heights = torch.cat([torch.zeros_like(self.ratio[:1]), self.ratio])
        radii = heights.new_tensor((0.0, *self.radii))
        after = (heights < ratio).sum(0).clamp(min=1)
        inside = after < len(radii)
        after = after.clamp(max=len(radii) - 1)
        low = heights.gather(0, after[None] - 1)[0]
        high = heights.gather(0, after[None])[0]
        share = ((ratio - low) / (high - low).clamp(min=1e-12)).clamp(0.0, 1.0)
        between = radii[after - 1] + share * (radii[after] - radii[after - 1])
        return torch.where(inside, between, torch.nan)


def critical_samples(
    forward: Forward, x: Tensor, radius: float, steps: int, seeds: Sequence[int], counter: int = 0
) -> CriticalSamples:
    """Searches a box of half side `radius` around each example, in the units of `x`.

    Args:
        forward: inputs `[members, n, …]` to logits `[members, n, classes]`, without noise.
        x: `[members, n, …]`, or `[1, n, …]` where all members see the same.
        radius: r; α and β follow from it (`memlab.training.adversarial`).
        steps: moves at most.
        seeds: one per member; with `counter` (an epoch, say) they key the search's noise.
    """
    curve, found = _curve(forward, x, [radius], steps, seeds, counter)
    return CriticalSamples(curve.critical[0], curve.steps[0], found)


def critical_curve(
    forward: Forward,
    x: Tensor,
    radii: Sequence[float],
    steps: int,
    seeds: Sequence[int],
    counter: int = 0,
) -> CriticalCurve:
    """`critical_samples` at each radius, smallest first; arguments as there.

    What is critical at one radius is so at all larger ones and is searched no more. The noise of an
    example is the same at every radius, so the curve holds all that single searches would find.
    """
    return _curve(forward, x, sorted(radii), steps, seeds, counter)[0]


def _curve(
    forward: Forward,
    x: Tensor,
    radii: Sequence[float],
    steps: int,
    seeds: Sequence[int],
    counter: int,
) -> tuple[CriticalCurve, Tensor]:
    members = len(seeds)
    x = x.expand(members, *x.shape[1:]).contiguous()
    zeros = np.zeros(members)
    noise = noise_on(x.device, seeds, Rates(zeros, zeros, zeros, zeros), counter)
    with torch.no_grad():
        predicted = forward(x).argmax(-1)
    critical = torch.zeros_like(predicted, dtype=torch.bool)
    found, flags, moves = x, [], []
    for radius in radii:
        search = _Search(forward, x, predicted, radius, noise)
        changed, taken = search.run(~critical, steps)
        found = torch.where(_by_example(changed, x), search.found, found)
        critical = critical | changed
        flags.append(critical)
        moves.append(taken)
    return CriticalCurve(tuple(radii), torch.stack(flags), torch.stack(moves)), found


class _Search:
    """LASS at one radius; `found` is where each example's search stands."""

    def __init__(
        self, forward: Forward, x: Tensor, predicted: Tensor, radius: float, noise: KeyedNoise
    ) -> None:
        self.forward, self.x, self.predicted, self.noise = forward, x, predicted, noise
        self.radius = x.new_tensor(radius)
        self.found = x.clone()

    def run(self, pending: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """(critical bool, moves made), `[members, n]`, of the examples that are `pending`."""
        started, pending = pending, pending.clone()
        taken = torch.zeros_like(self.predicted)
        for step in range(steps + 1):
            chosen = _pending_first(pending)
            if chosen[1].shape[1] == 0:
                break
            alive = pending[chosen]
            if step < steps:
                moved, logits = self._moved(step, chosen)
            else:
                moved = self.found[chosen]
                with torch.no_grad():
                    logits = self.forward(moved)
            going = alive & (logits.argmax(-1) == self.predicted[chosen])
            pending[chosen] = going
            self.found[chosen] = torch.where(_by_example(going, moved), moved, self.found[chosen])
            if step < steps:
                taken[chosen] += going
        return self._verified(started & ~pending), taken

    def _moved(self, step: int, chosen: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        z = self.noise.gaussian(f"critical{step}", np.ones(len(self.x)), self.x)
        assert z is not None
        return search_step(
            self.forward,
            _log_odds,
            self.found[chosen],
            self.x[chosen],
            self.predicted[chosen],
            self.radius,
            z[chosen],
        )

    @torch.no_grad()
    def _verified(self, changed: Tensor) -> Tensor:
        # In one batch of the same shape as the prediction at x: logits of smaller batches may
        # differ in the last bit.
        other = self.forward(self.found).argmax(-1) != self.predicted
        low, high = self.x - self.radius, self.x + self.radius
        inside = ((self.found >= low) & (self.found <= high)).flatten(2).all(2)
        return changed & other & inside


def _log_odds(logits: Tensor, predicted: Tensor) -> Tensor:
    """log Σ_{j≠k} exp(z_j − z_k), `[members, examples]`."""
    where = predicted.unsqueeze(-1)
    own = logits.gather(-1, where)
    return (logits - own).scatter(-1, where, -torch.inf).logsumexp(-1)


def _pending_first(pending: Tensor) -> tuple[Tensor, Tensor]:
    """Indices (`[members, 1]`, `[members, width]`) of each member's pending examples.

    The width is the largest number of them; members with fewer are filled up with others.
    """
    width = int(pending.sum(1).max())
    order = pending.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :width]
    return torch.arange(len(pending), device=pending.device)[:, None], order


def _by_example(flags: Tensor, like: Tensor) -> Tensor:
    return flags.view(*flags.shape, *([1] * (like.dim() - 2)))
