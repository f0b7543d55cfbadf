"""SGD, Adam and AdamW for stacks: every hyperparameter is a vector over the members.

The update rules are those of torch.optim (SGD with momentum and Nesterov; Adam, Kingma and Ba
2015; AdamW, Loshchilov and Hutter 2019), member by member.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from memlab.experiment.spec import Experiment


@dataclass
class Hyperparameters:
    """Vectors over the members, each `[members]`, float32 on the training device.

    `moves` and `decays` say whether any member has momentum, or weight decay.
    """

    momentum: Tensor
    beta1: Tensor
    beta2: Tensor
    epsilon: Tensor
    weight_decay: Tensor
    moves: bool
    decays: bool

    @classmethod
    def of(
        cls, experiments: Sequence[Experiment], device: torch.device, dtype: torch.dtype
    ) -> Hyperparameters:
        """The members' own values."""

        def vector(values: list[float]) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)

        return cls(
            momentum=vector([e.optimizer.momentum for e in experiments]),
            beta1=vector([e.optimizer.beta1 for e in experiments]),
            beta2=vector([e.optimizer.beta2 for e in experiments]),
            epsilon=vector([e.optimizer.epsilon for e in experiments]),
            weight_decay=vector([e.regularization.weight_decay for e in experiments]),
            moves=any(e.optimizer.momentum for e in experiments),
            decays=any(e.regularization.weight_decay for e in experiments),
        )

    def select(self, keep: Tensor) -> Hyperparameters:
        """The vectors of the members `keep` (indices)."""
        return Hyperparameters(
            momentum=self.momentum[keep],
            beta1=self.beta1[keep],
            beta2=self.beta2[keep],
            epsilon=self.epsilon[keep],
            weight_decay=self.weight_decay[keep],
            moves=self.moves,
            decays=self.decays,
        )


@dataclass(frozen=True)
class Descent:
    """How the members of a stack descend: `momenta` (0 where there are none) and `beta1`, each
    `[members]`; `preconditioner()` is `StackOptimizer.preconditioner`.
    """

    name: str
    nesterov: bool
    momenta: Tensor
    beta1: Tensor
    preconditioner: Callable[[], list[Tensor] | None]


class StackOptimizer:
    """One of `sgd`, `adam`, `adamw` over parameters of shape `[members, …]`."""

    def __init__(
        self, name: str, nesterov: bool, parameters: Sequence[Tensor], vectors: Hyperparameters
    ) -> None:
        self.name = name
        self.nesterov = nesterov
        self.govern(vectors)
        self.parameters = list(parameters)
        self.steps = 0
        #: `steps` as a tensor that a step counts up itself, float64; None where the host counts.
        self.count: Tensor | None = None
        self._has_momentum = name == "sgd" and vectors.moves
        count = {"sgd": 1 if self._has_momentum else 0}.get(name, 2)
        self.moments = [[torch.zeros_like(p) for p in self.parameters] for _ in range(count)]

    def count_there(self) -> None:
        """From now on counts the steps in a tensor, as a captured step has to."""
        device = self.vectors.beta1.device
        self.count = torch.full((), self.steps, dtype=torch.float64, device=device)

    def govern(self, vectors: Hyperparameters) -> None:
        """Goes on with other values; momentum where there was none before is left out."""
        self.vectors = vectors
        self._decays = vectors.decays

    @property
    def plain(self) -> bool:
        """True where a step is only p ← (1 − η·decay)·p − η·gradient, without any memory."""
        return self.name == "sgd" and not self._has_momentum

    def shrink(self, learning_rate: Tensor, parameters: Iterable[Tensor] | None = None) -> None:
        """Weight decay alone: p ← (1 − η·decay)·p; `learning_rate` is `[members]`.

        Of all parameters, unless only some are named.
        """
        if self._decays:
            factor = 1 - learning_rate * self.vectors.weight_decay
            for p in self.parameters if parameters is None else parameters:
                p.mul_(_over(factor, p))

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        """One update with `gradients` (one per parameter) and `learning_rate` `[members]`."""
        self.steps += 1
        if self.plain:
            self.shrink(learning_rate)
            for p, g in zip(self.parameters, gradients, strict=True):
                p.addcmul_(_over(learning_rate, p), g, value=-1)
        elif self.name == "sgd":
            self._sgd(gradients, learning_rate)
        else:
            self._adam(gradients, learning_rate)

    def _sgd(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        momentum = self.vectors.momentum
        for p, g, v in zip(self.parameters, gradients, self.moments[0], strict=True):
            if self._decays:
                g = torch.addcmul(g, _over(self.vectors.weight_decay, p), p)
            v.mul_(_over(momentum, p)).add_(g)
            move = torch.addcmul(g, _over(momentum, p), v) if self.nesterov else v
            p.addcmul_(_over(learning_rate, p), move, value=-1)

    def _adam(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        h = self.vectors
        steps = self.steps if self.count is None else self.count.add_(1)
        first = 1 - h.beta1.double().pow(steps)
        second = 1 - h.beta2.double().pow(steps)
        rate = (learning_rate.double() / first).to(learning_rate.dtype)
        root = second.sqrt().to(learning_rate.dtype)
        if self.name == "adamw":
            self.shrink(learning_rate)
        for p, g, m, v in zip(self.parameters, gradients, *self.moments, strict=True):
            if self.name == "adam" and self._decays:
                g = torch.addcmul(g, _over(h.weight_decay, p), p)
            m.lerp_(g, _over(1 - h.beta1, p).expand_as(g))
            v.mul_(_over(h.beta2, p)).addcmul_(_over(1 - h.beta2, p) * g, g)
            denominator = v.sqrt().div_(_over(root, p)).add_(_over(h.epsilon, p))
            p.addcmul_(_over(rate, p), m / denominator, value=-1)

    @torch.no_grad()
    def preconditioner(self) -> list[Tensor] | None:
        """What Adam's newest step divided the mean gradient by, one per parameter, shaped as it.

        (1 − β₁ᵗ)(√(v ÷ (1 − β₂ᵗ)) + ε) after t steps (Cohen 2022, arXiv 2207.14484, section 2).
        None for SGD, and before the first step.
        """
        if self.name == "sgd" or self.steps == 0:
            return None
        h = self.vectors
        first = 1 - h.beta1.double().pow(self.steps)
        root = (1 - h.beta2.double().pow(self.steps)).sqrt()
        found = []
        for p, v in zip(self.parameters, self.moments[1], strict=True):
            divisor = v.double().sqrt().div_(_over(root, p)).add_(_over(h.epsilon, p))
            found.append(divisor.mul_(_over(first, p)).to(p.dtype))
        return found

    def select(self, keep: Tensor, parameters: Sequence[Tensor]) -> StackOptimizer:
        """The optimizer of the members `keep`, over their own `parameters`."""
        chosen = StackOptimizer(self.name, self.nesterov, parameters, self.vectors.select(keep))
        chosen.steps = self.steps
        chosen._decays, chosen._has_momentum = self._decays, self._has_momentum
        chosen.moments = [[m[keep].contiguous() for m in kind] for kind in self.moments]
        return chosen

    def state(self) -> dict[str, Tensor]:
        """The moments by name, for a checkpoint; `steps` is the caller's to keep."""
        return {
            f"moment.{kind}.{index}": tensor
            for kind, tensors in enumerate(self.moments)
            for index, tensor in enumerate(tensors)
        }

    def load(self, state: dict[str, Tensor], steps: int) -> None:
        """Takes back what `state` gave."""
        self.steps = steps
        for kind, tensors in enumerate(self.moments):
            for index, tensor in enumerate(tensors):
                tensor.copy_(state[f"moment.{kind}.{index}"])


def _over(vector: Tensor, parameter: Tensor) -> Tensor:
    """`[members]` shaped to broadcast over a parameter `[members, …]`."""
    return vector.view(-1, *([1] * (parameter.dim() - 1)))
