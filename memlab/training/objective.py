"""The loss that the members of a stack descend, and its gradient by autograd.

What is added to a plain loss meets here: adversarial examples, the Fisher penalty, the divisor of
lazy outputs. `memlab.training.fused` descends losses that are `plain`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment
from memlab.models import StackedModel
from memlab.training.adversarial import adversarial_examples
from memlab.training.fisher import FisherPenalty, fisher_penalty
from memlab.training.loss import example_losses
from memlab.training.randomness import KeyedNoise


class Objective:
    """What members of `experiments` descend; `follow` says which of them, `at` at which update."""

    def __init__(
        self, experiments: Sequence[Experiment], timeline: Timeline, device: torch.device
    ) -> None:
        first = experiments[0]
        self._experiments, self._device = experiments, device
        self.loss = first.loss.name
        self.fisher = FisherPenalty(experiments, timeline)
        self._bf16 = first.training.precision == "bf16"
        self._lass_steps = first.regularization.adversarial_steps
        self._output_scale = first.model.output_scale
        #: The penalty's weights at this update, `[active]`; None where nobody is penalized.
        self.penalty: Tensor | None = None

    def follow(self, active: Sequence[int], update: int) -> None:
        """From now on, from `update`, these members are trained."""
        experiments = [self._experiments[i] for i in active]
        smoothing = [e.loss.label_smoothing for e in experiments]
        self.smoothing = self._vector(smoothing) if any(smoothing) else None
        weights = [e.regularization.adversarial_weight for e in experiments]
        self._adversarial = self._vector(weights) if any(weights) else None
        self._radius = self._vector([e.regularization.adversarial_radius for e in experiments])
        self.at(active, update)

    def at(self, active: Sequence[int], update: int) -> None:
        """The update is one at which a penalty may begin or end."""
        self.penalty = self.fisher.weights(update, active, self._device)

    def _vector(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self._device)

    @property
    def plain(self) -> bool:
        """Whether it is the loss in float32 and nothing else, at any update."""
        return not self._bf16 and self._adversarial is None and not self.fisher.on

    @property
    def divisor(self) -> float:
        """What the loss that is descended is divided by: α² in lazy training, else 1."""
        return 1.0 if self._output_scale is None else self._output_scale**2

    def gradients(
        self,
        model: StackedModel,
        x: Tensor,
        targets: Tensor,
        noise: Callable[[str], KeyedNoise],
        predicted: Tensor | None = None,
    ) -> tuple[Tensor, Sequence[Tensor]]:
        """(mean losses `[members]` of the batch, gradients at the model's parameters).

        `x` is `[members, batch, …]`, `targets` `[members, batch]`; `noise` gives that of this
        update by a tag. The losses are those of the data alone; what the network answers is put
        into `predicted` `[members, batch]`.
        """
        training = noise("")
        logits = self._logits(model, x, training)
        if predicted is not None:
            torch.argmax(logits.detach(), -1, out=predicted)
        losses = example_losses(self.loss, logits, targets, self.smoothing).mean(1)
        total = losses
        if self._adversarial is not None:
            attacked = self._attacked(model, x, targets, training, noise(":adversarial"))
            total = (1 - self._adversarial) * losses + self._adversarial * attacked
        parameters = list(model.parameters())
        if self.penalty is not None:
            total = total + fisher_penalty(logits, parameters, training, self.penalty)
        if self._output_scale is not None:
            total = total / self.divisor
        gradients = torch.autograd.grad(total.sum(), parameters, materialize_grads=True)
        return losses.detach(), gradients

    def _logits(self, model: StackedModel, x: Tensor, noise: KeyedNoise | None = None) -> Tensor:
        """Logits in float32 from a forward pass in the precision of updates."""
        if not self._bf16:
            plain: Tensor = model(x, noise)
            return plain
        with torch.autocast(self._device.type, torch.bfloat16, cache_enabled=False):
            logits: Tensor = model(x, noise)
        return logits.float()

    def _attacked(
        self,
        model: StackedModel,
        x: Tensor,
        targets: Tensor,
        noise: KeyedNoise,
        again: KeyedNoise,
    ) -> Tensor:
        """Mean losses `[members]` of adversarial examples, which LASS finds without noise."""
        found = adversarial_examples(
            lambda inputs: self._logits(model, inputs), x, self._radius, self._lass_steps, noise
        )
        logits = self._logits(model, found, again)
        return example_losses(self.loss, logits, targets, self.smoothing).mean(1)
