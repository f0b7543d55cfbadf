"""Loss sensitivity as Arpit 2017 (arXiv 1706.05394, section 3.2) has it, for small networks.

g_x = ‖∂L_t/∂x‖₁, averaged over t: the effect on the loss after t updates of having trained on x.
x counts only where it was trained on; L_t is measured on fixed copies of the examples, x's own
among them. Plain SGD at one learning rate, no momentum, as in the paper's small network.

Parameters θ₀ … θ_T are kept, not the graph of the updates. The adjoint a = ∂L_t/∂θ_s goes back by
∂L_t/∂x += −η ∂(a·∇L_s(θ_s))/∂x and a ← a − η H_s a, for all t and all losses in one sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vjp, vmap

from memlab.errors import MemlabError
from memlab.models.stacked import StackedModel
from memlab.training.loss import example_losses

Parameters = dict[str, Tensor]
#: Floats of the gradients and adjoints that are kept at once.
BUDGET = 1 << 25


#: Floats of the parameters along the training, which are kept all at once.
MOST_FLOATS = 1 << 30


class TooLarge(MemlabError):
    """Networks whose parameters of all updates do not fit into memory."""


class NoPerceptron(MemlabError):
    """A network that unrolled sensitivity does not cover."""


@dataclass(frozen=True)
class Unrolled:
    """‖∂L_t/∂x‖₁, averaged over t.

    `examples` `[members, n]`: the effect of each example on the mean loss of all. `classes`
    float64 `[members, classes, classes]`, figure 4: S[i, j] is the mean over the examples x of
    class j of their effect on the mean loss of class i; NaN in the columns of missing classes, 0
    in their rows.

    The same, averaged over the t up to each, is `examples_until` `[t, members, n]` and
    `classes_until` `[t, members, classes, classes]`; `losses` `[t, members]` is the mean loss of
    all examples after t updates.
    """

    examples_until: Tensor
    classes_until: Tensor
    losses: Tensor

    @property
    def examples(self) -> Tensor:
        """Averaged over all t."""
        return self.examples_until[-1]

    @property
    def classes(self) -> Tensor:
        """Averaged over all t."""
        return self.classes_until[-1]


def unrolled_sensitivity(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    batches: Tensor,
    learning_rate: float | Tensor,
    classes: int,
    *,
    at: Sequence[int] | None = None,
    loss: str = "cross-entropy",
) -> Unrolled:
    """Trains a copy of the model on the examples and follows the losses back to them.

    Args:
        model: at its initial parameters, which stay as they are.
        x: `[members or 1, n, …]`; `targets` is `[members, n]`.
        batches: which examples each update sees, int64 `[updates, members, batch]`,
            distinct within an update.
        learning_rate: one, or `[members]`.
        classes: how many there are.
        at: the numbers of updates t that are averaged over, 1 … updates (the default: all).
        loss: cross-entropy or squared.

    Raises:
        NoPerceptron: if the model is not a plain perceptron.
        ValueError: if `at` is not within the updates.
    """
    onehot = torch.nn.functional.one_hot(targets, classes).to(x.dtype)
    counts = onehot.sum(1, keepdim=True)
    shares = (onehot / counts.clamp(min=1)).permute(2, 0, 1)
    even = torch.full_like(shares[:1], 1 / targets.shape[1])
    weights = torch.cat([even, shares])
    norms, losses = _sweeps(model, x, targets, batches, learning_rate, weights, at, loss)
    by_class = norms[:, 1:].transpose(1, 2).double() @ onehot.double()
    return Unrolled(norms[:, 0], by_class / counts.double(), losses)


def draw_batches(
    generators: Sequence[np.random.Generator], examples: int, updates: int, size: int
) -> Tensor:
    """Whole epochs in random order, int64 `[updates, members, size]`; an odd rest is left out.

    One generator per member; `size` at most `examples`.
    """
    per_epoch = examples // size
    epochs = -(-updates // per_epoch)
    orders = [
        [generator.permutation(examples)[: per_epoch * size] for _ in range(epochs)]
        for generator in generators
    ]
    drawn = np.array(orders).reshape(len(generators), -1, size)[:, :updates]
    return torch.from_numpy(np.ascontiguousarray(drawn.transpose(1, 0, 2)))


def unrolled_gradients(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    batches: Tensor,
    learning_rate: float | Tensor,
    weights: Tensor,
    at: Sequence[int],
    loss: str = "cross-entropy",
) -> Tensor:
    """∂L_t/∂x for each t of `at`, ascending, and each loss, `[t, losses, members, n, …]`.

    `weights` `[losses, members, n]` makes the losses L_t = Σ weight · ℓ; `x` is
    `[members, n, …]`; the rest is as in `unrolled_sensitivity`.
    """
    path = _Path(model, x, targets, batches, learning_rate, loss)
    return path.gradients(weights, at)


def _sweeps(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    batches: Tensor,
    learning_rate: float | Tensor,
    weights: Tensor,
    at: Sequence[int] | None,
    loss: str,
) -> tuple[Tensor, Tensor]:
    """Norms averaged over the t up to each of `at`, `[t, losses, members, n]`, and mean losses.

    In groups of t that fit the budget.
    """
    x = x.expand(len(targets), *x.shape[1:])
    times = sorted(range(1, len(batches) + 1) if at is None else at)
    if not times or times[0] < 1 or times[-1] > len(batches):
        raise ValueError(f"at must be within 1 and {len(batches)}, the number of updates")
    path = _Path(model, x, targets, batches, learning_rate, loss)
    floats = x.numel() + sum(p.numel() for p in path.points[0].values())
    size = max(1, BUDGET // (len(weights) * floats))
    groups = [times[start : start + size] for start in range(0, len(times), size)]
    norms = torch.cat([path.gradients(weights, group).abs().flatten(4).sum(4) for group in groups])
    passed = torch.arange(1, len(times) + 1, device=norms.device).view(-1, 1, 1, 1)
    return norms.cumsum(0) / passed, torch.stack([path.mean_loss(t) for t in times])


class _Path:
    """The parameters along the training, and the way back."""

    def __init__(
        self,
        model: StackedModel,
        x: Tensor,
        targets: Tensor,
        batches: Tensor,
        learning_rate: float | Tensor,
        loss: str,
    ) -> None:
        try:
            model.perceptron()
        except TypeError as error:
            raise NoPerceptron(
                f"Unrolled loss sensitivity covers linear, and mlp without normalization; {error}."
            ) from error
        self.model, self.x, self.targets, self.batches = model, x, targets, batches
        self.loss = loss
        self._rows = torch.arange(len(targets), device=x.device)[:, None]
        self._rate = torch.as_tensor(learning_rate, dtype=x.dtype, device=x.device)
        floats = (len(batches) + 1) * sum(p.numel() for p in model.parameters())
        if floats > MOST_FLOATS:
            raise TooLarge(
                f"Unrolled loss sensitivity keeps the parameters of all updates, here "
                f"{4 * floats / 2**30:.0f} GiB of at most {4 * MOST_FLOATS / 2**30:.0f}: it is for "
                "small networks, or for fewer updates (instruments.unrolled-sensitivity.updates)."
            )
        self.points = list(self._train())

    def gradients(self, weights: Tensor, at: Sequence[int]) -> Tensor:
        """See `unrolled_gradients`."""
        losses = len(weights)
        wanted = {t: place for place, t in enumerate(at)}
        found = self.x.new_zeros(len(at), losses, *self.x.shape)
        adjoint = {
            name: p.new_zeros(len(at), losses, *p.shape) for name, p in self.points[0].items()
        }
        for t in range(max(at), 0, -1):
            if t in wanted:
                for name, slope in self._loss_slopes(t, weights).items():
                    adjoint[name][wanted[t]] = slope
            first = sum(time < t for time in at)
            self._back(t - 1, {name: a[first:] for name, a in adjoint.items()}, found[first:])
        return found

    def mean_loss(self, t: int) -> Tensor:
        """The mean loss of all examples after t updates, `[members]`."""
        logits = functional_call(self.model, self.points[t], (self.x,))
        return example_losses(self.loss, logits, self.targets).mean(1).detach()

    def _train(self) -> Iterator[Parameters]:
        point = {name: p.detach() for name, p in self.model.named_parameters()}
        yield point
        for step in range(len(self.batches)):
            moves = self._moves(step)(point, self._batch(step)[0])
            point = {name: p - moves[name] for name, p in point.items()}
            yield point

    def _back(self, step: int, adjoint: Parameters, found: Tensor) -> None:
        """Takes adjoints and gradients through update `step`; both are views and change."""
        inputs, index = self._batch(step)
        pull = vjp(self._moves(step), self.points[step], inputs)[1]
        by_point, by_input = vmap(pull)({name: a.flatten(0, 1) for name, a in adjoint.items()})
        for name, a in adjoint.items():
            a -= by_point[name].view(a.shape)
        found[:, :, self._rows, index] -= by_input.view(*found.shape[:2], *by_input.shape[1:])

    def _moves(self, step: int) -> Callable[[Parameters, Tensor], Parameters]:
        """η ∇L_s as a function of parameters and inputs of the batch of update `step`."""
        labels = self.targets[self._rows, self.batches[step]]

        def scaled_loss(point: Parameters, inputs: Tensor) -> Tensor:
            logits = functional_call(self.model, point, (inputs,))
            return (self._rate * example_losses(self.loss, logits, labels).mean(1)).sum()

        return cast(Callable[[Parameters, Tensor], Parameters], grad(scaled_loss))

    def _loss_slopes(self, t: int, weights: Tensor) -> Parameters:
        """∂L_t/∂θ_t of each loss, a leading dimension."""

        def weighted_loss(point: Parameters, weight: Tensor) -> Tensor:
            logits = functional_call(self.model, point, (self.x,))
            return (weight * example_losses(self.loss, logits, self.targets)).sum()

        slopes = vmap(grad(weighted_loss), in_dims=(None, 0))(self.points[t], weights)
        return cast(Parameters, slopes)

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        index = self.batches[step]
        return self.x[self._rows, index], index
