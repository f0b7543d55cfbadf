"""Which members train together: stacks of equal shape, split where stacking does not pay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from memlab.experiment.architecture import needs_images
from memlab.experiment.grid import Member
from memlab.experiment.schedule import Timeline

#: Fields that are vectors over the members of a stack, so they may differ within one.
VECTOR_FIELDS: Final[dict[str, Any]] = {
    "corruption": True,
    "optimizer": {"learning_rate", "momentum", "beta1", "beta2", "epsilon", "batch_size"},
    "schedule": True,
    "fork": True,
    "regularization": {
        "weight_decay",
        "dropout",
        "input_dropout",
        "input_noise",
        "hidden_noise",
        "adversarial_weight",
        "adversarial_radius",
    },
    "loss": {"label_smoothing"},
    "checkpoints": True,
    "axes": True,
    "seeds": True,
    "instruments": True,
    "baselines": True,
    "claims": True,
    "title": True,
    "question": True,
    "look_for": True,
    "source": True,
    "deviations": True,
}
MAX_STACK_PARAMETERS = 200_000_000


@dataclass(frozen=True)
class StackPlan:
    """The members of one stack (indices into the run's members) and their common timeline."""

    index: int
    members: tuple[Member, ...]
    timeline: Timeline

    @property
    def indices(self) -> list[int]:
        """The members' indices in the run."""
        return [member.index for member in self.members]


def plan(
    members: Sequence[Member], train_examples: Sequence[int], parameters: Sequence[int]
) -> list[StackPlan]:
    """Groups members into stacks, in the order of their first member.

    `train_examples` and `parameters` are counts per member. Members differ within a stack only in
    what is a vector (`VECTOR_FIELDS`) and share every batch size of their schedules. Convolutional
    networks do not gain from stacking (grouped convolutions are slower than one after another on
    every device measured so far) and get stacks of one.
    """
    stacks: dict[str, list[Member]] = {}
    timelines: dict[str, Timeline] = {}
    for member, examples, count in zip(members, train_examples, parameters, strict=True):
        timeline = Timeline(member.experiment, examples)
        signature = _signature(member, timeline, examples)
        width = max(1, MAX_STACK_PARAMETERS // max(count, 1))
        if needs_images(member.experiment.model.name):
            width = 1
        part = 0
        while len(stacks.get(f"{signature}#{part}", [])) >= width:
            part += 1
        name = f"{signature}#{part}"
        stacks.setdefault(name, []).append(member)
        timelines[name] = timeline
    return [
        StackPlan(index, tuple(found), timelines[name])
        for index, (name, found) in enumerate(stacks.items())
    ]


def _signature(member: Member, timeline: Timeline, examples: int) -> str:
    tree = member.experiment.model_dump(mode="json", exclude=VECTOR_FIELDS)
    tree["adversarial"] = member.experiment.regularization.adversarial_weight > 0
    tree["phases"] = [(p.updates, p.batch_size) for p in timeline.phases]
    tree["examples"] = examples
    return json.dumps(tree, sort_keys=True)
