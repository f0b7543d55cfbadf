"""Which members train together: stacks of equal shape, split where stacking does not pay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from memlab.experiment.architecture import alone
from memlab.experiment.grid import Member
from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment

#: Fields that are vectors over the members of a stack, so they may differ within one.
VECTOR_FIELDS: Final[dict[str, Any]] = {
    "dataset": {"split_seed"},
    "corruption": True,
    "optimizer": {
        "learning_rate",
        "learning_rate_of_sharpness",
        "momentum",
        "beta1",
        "beta2",
        "epsilon",
        "batch_size",
    },
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
        "fisher_penalty",
        "fisher_from",
        "fisher_until",
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


@dataclass(frozen=True)
class Group:
    """Members that can train as one stack: equal shapes, equal updates, equal batch sizes.

    `parameters` are of one network; `images` whether it is convolutional.
    """

    members: tuple[Member, ...]
    timeline: Timeline
    parameters: int
    images: bool

    @property
    def widest(self) -> int:
        """How many of them may stand in one stack.

        Convolutional networks do not gain from stacking (grouped convolutions are slower than one
        after another on every processor measured so far) and train alone; a GPU gains by small ones
        side by side, which the planner sees to (`memlab.engines.planner`).
        """
        return 1 if self.images else max(1, MAX_STACK_PARAMETERS // max(self.parameters, 1))


def groups_of(
    members: Sequence[Member], train_examples: Sequence[int], parameters: Sequence[int]
) -> list[Group]:
    """The members grouped by what may differ within a stack (`VECTOR_FIELDS`).

    `train_examples` and `parameters` are counts per member.
    """
    found: dict[str, list[Member]] = {}
    facts: dict[str, tuple[Timeline, int, bool]] = {}
    for member, examples, count in zip(members, train_examples, parameters, strict=True):
        timeline = Timeline(member.experiment, examples)
        name = _signature(member, timeline, examples)
        found.setdefault(name, []).append(member)
        facts.setdefault(name, (timeline, count, alone(member.experiment.model)))
    return [Group(tuple(mine), *facts[name]) for name, mine in found.items()]


def plan(
    members: Sequence[Member], train_examples: Sequence[int], parameters: Sequence[int]
) -> list[StackPlan]:
    """The members in as few stacks as there can be, in the order of their first member."""
    groups = groups_of(members, train_examples, parameters)
    return stacked(groups, [part for group in groups for part in cut(group, group.widest)])


def cut(group: Group, width: int) -> list[tuple[int, ...]]:
    """The members' indices in as few parts as `width` allows, of sizes that differ by one."""
    indices = [member.index for member in group.members]
    parts = -(-len(indices) // width)
    each, more = divmod(len(indices), parts)
    sizes = [each + (at < more) for at in range(parts)]
    ends = list(accumulate(sizes))
    return [tuple(indices[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def stacked(groups: Sequence[Group], parts: Sequence[Sequence[int]]) -> list[StackPlan]:
    """A stack for each part, indices of members; numbered in the order of their first member.

    Raises:
        ValueError: if a part holds members that cannot train together.
    """
    home = {member.index: (group, member) for group in groups for member in group.members}
    made = []
    for index, part in enumerate(sorted(parts, key=lambda part: part[0])):
        group = home[part[0]][0]
        if any(home[member][0] is not group for member in part):
            raise ValueError(f"stack {index} holds networks that cannot be trained together")
        mine = tuple(home[member][1] for member in part)
        made.append(StackPlan(index, mine, group.timeline))
    return made


def keeps_examples(experiment: Experiment) -> bool:
    """Whether something is recorded of each example, so that a stack has to see one split."""
    return "ledger" in experiment.instruments.names or experiment.evaluation.outcomes


def _signature(member: Member, timeline: Timeline, examples: int) -> str:
    tree = member.experiment.model_dump(mode="json", exclude=VECTOR_FIELDS)
    if keeps_examples(member.experiment):
        tree["split"] = member.experiment.dataset.split_seed
    if member.experiment.evaluation.outcomes:  # they are kept for the stack's labels, once
        tree["corruption"] = member.experiment.corruption.model_dump(mode="json")
    tree["adversarial"] = member.experiment.regularization.adversarial_weight > 0
    tree["fisher"] = member.experiment.regularization.fisher_penalty > 0
    tree["phases"] = [(p.updates, p.batch_size) for p in timeline.phases]
    tree["examples"] = examples
    return json.dumps(tree, sort_keys=True)
