"""A shard: what trains stacks of one run, one after the other, wherever it is put.

It writes its stacks' tables and checkpoints itself. What belongs to the run as a whole, events and
progress, it tells whoever leads the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from memlab.experiment import grid
from memlab.experiment.grid import Member
from memlab.experiment.spec import Experiment
from memlab.runs.plan import RunPlan
from memlab.runs.run_folder import RunFolder
from memlab.training.plan import StackPlan
from memlab.worker.calibrating import note_run
from memlab.worker.material import Material
from memlab.worker.stack_run import StackRun
from memlab.worker.stack_time import StackTime
from memlab.worker.told import Told


@dataclass(frozen=True)
class Work:
    """A run to be trained: its stacks, and what all of them share."""

    folder: RunFolder
    experiment: Experiment
    members: Sequence[Member]
    stacks: Sequence[StackPlan]
    parameters: Sequence[int]
    material: Material
    plan: RunPlan
    shown: frozenset[int] = field(init=False)
    groups: Sequence[grid.Group] = field(init=False)

    def __post_init__(self) -> None:
        groups = tuple(grid.groups(self.experiment))
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "shown", frozenset(group.members[0] for group in groups))


class Shard:
    """Trains stacks of `work` on `device`."""

    def __init__(self, work: Work, device: torch.device, told: Told) -> None:
        self._work = work
        self._device = device
        self._told = told
        self._done = 0
        self._took: list[StackTime] = []
        self._current: StackRun | None = None

    def train(self, stack: StackPlan, between: Callable[[], bool]) -> bool:
        """Carries one stack from its newest checkpoint to its end; whether it got there.

        `between` is called between updates and says whether to go on; where not, the stack is
        left with a checkpoint.
        """
        work = self._work
        self._announce(stack)
        run = StackRun(
            work.folder,
            work.experiment,
            stack,
            work.material,
            self._told,
            self._device,
            work.shown,
            work.plan.layout,
        )
        run.before = self._done
        self._current = run
        finished = run.run(between)
        if not finished:
            run.save()
        self._took.append(run.clock.time())
        run.close()
        self._done = run.done_examples
        self._current = None
        work.material.forget()
        return finished

    def save(self) -> None:
        """A checkpoint of the stack that is being trained, if there is one."""
        if self._current is not None:
            self._current.save()

    def note(self) -> None:
        """Leaves in the machine's store of speeds what the stacks took, for the next estimate."""
        note_run(self._took, self._device, self._work.plan.processes, self._work.plan.threads)

    def _announce(self, stack: StackPlan) -> None:
        work, first = self._work, stack.members[0]
        self._told.append(
            "stack-started",
            stack=stack.index,
            members=stack.indices,
            width=len(stack.members),
            updates=stack.timeline.updates,
            train_examples=stack.timeline.train_examples,
            classes=work.material.shapes(first).classes,
            class_names=list(work.material.splits(first).class_names),
            parameters=work.parameters[first.index],
        )
        parts = {member.index: work.material.corrupted(member) for member in stack.members}
        for group in work.groups:
            mine: list[Any] = [parts[index] for index in group.members if index in parts]
            if mine:
                drawn = sum(float(part.drawn.mean()) for part in mine) / len(mine)
                changed = sum(float(part.corrupted.mean()) for part in mine) / len(mine)
                self._told.append("corruption", group=group.index, drawn=drawn, changed=changed)
