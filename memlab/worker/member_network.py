"""One member's network as the baselines that are made of it see it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from memlab.baselines.baseline import Parts
from memlab.data.corruption import Corrupted
from memlab.errors import InvalidExperiment
from memlab.experiment.grid import Member
from memlab.experiment.keys import key
from memlab.instruments.representation import activations
from memlab.instruments.tangent_kernel import tangent_kernel
from memlab.models import StackedModel, build
from memlab.runs.door import Place
from memlab.training import checkpoint
from memlab.training.plan import StackPlan
from memlab.training.trainer import Shapes


@dataclass
class Networks:
    """Networks of a run's members: as they were drawn, and as the newest checkpoints have them."""

    checkpoints: Place
    stacks: list[StackPlan]
    _read: dict[int, tuple[list[int], dict[str, torch.Tensor]]] = field(default_factory=dict)

    def initial(self, member: Member, shapes: Shapes) -> StackedModel:
        """The network before its first update."""
        model = _built(member, shapes)
        model.initialize([key(member.seed, "init")])
        model.start_here()
        return model

    def trained(self, member: Member, shapes: Shapes) -> StackedModel:
        """The network at the end of its training.

        Raises:
            InvalidExperiment: if no checkpoint has it: it ended before the others of its stack.
        """
        stack = next(plan for plan in self.stacks if member.index in plan.indices)
        if stack.index not in self._read:
            self._read = {stack.index: self._newest(stack)}
        active, tensors = self._read[stack.index]
        if member.index not in active:
            raise InvalidExperiment(
                "This network ended before the others of its stack, and none of its checkpoints was"
                " kept; leave stop rules out."
            )
        at = active.index(member.index)
        model = self.initial(member, shapes)
        state = {name: tensor[at : at + 1] for name, tensor in tensors.items()}
        model.load_state_dict(state)
        return model

    def _newest(self, stack: StackPlan) -> tuple[list[int], dict[str, torch.Tensor]]:
        found = checkpoint.newest(self.checkpoints, stack.index)
        if found is None:
            return [], {}
        progress, tensors = found
        own = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
        return [stack.indices[position] for position in progress.active], own


@dataclass(frozen=True)
class MemberNetwork:
    """The network of `member` on its own `data`; see `memlab.baselines.baseline.Network`."""

    networks: Networks
    member: Member
    shapes: Shapes
    data: Corrupted

    def tangent_kernel(self) -> Parts:
        """See `Network`."""
        model = self.networks.initial(self.member, self.shapes)
        parts = (self.data.train_x, self.data.validation_x, self.data.test_x)
        x = torch.from_numpy(np.concatenate(parts))[None]
        kernel = tangent_kernel(model, x)[0, :, : len(parts[0])] / self.shapes.classes
        ends = np.cumsum([len(part) for part in parts])
        first, second, third = np.split(kernel.numpy(), ends[:-1])
        return first, second, third

    def features(self) -> Parts:
        """See `Network`."""
        model = self.networks.trained(self.member, self.shapes)
        made = [
            list(activations(model, torch.from_numpy(part)[None]).values())
            for part in (self.data.train_x, self.data.validation_x, self.data.test_x)
        ]
        if not made[0]:
            raise InvalidExperiment("A linear model has no hidden layer, and so no features.")
        first, second, third = (layers[-1][0].numpy() for layers in made)
        return first, second, third


def _built(member: Member, shapes: Shapes) -> StackedModel:
    return build(
        member.experiment.model,
        members=1,
        image_shape=shapes.image_shape,
        features=shapes.features,
        classes=shapes.classes,
    )
