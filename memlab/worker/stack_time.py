"""What updates and evaluations of a stack take: its clock while it trains, then facts of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from memlab.cores import waited_seconds
from memlab.experiment.speeds import Measured, Shape
from memlab.training.trainer import StackTrainer

LEAST_UPDATES = 20
LEAST_SECONDS = 0.02
#: Share of the time that the kernel lets others have our cores above which no figure is kept.
MOST_WAITING = 0.15


@dataclass(frozen=True)
class StackTime:
    """Of a stack with all its members in training, instruments and pauses left out.

    `update_seconds` are of `updates` updates, `evaluation_seconds` of evaluating `evaluated`
    examples × members, `waited` those that its threads stood in line for a core.
    """

    shape: Shape
    members: int
    updates: int
    update_seconds: float
    evaluated: int
    evaluation_seconds: float
    waited: float = 0.0

    def measured(self, threads: int, processes: int) -> Measured | None:
        """As the store keeps it; None where it is too little, or too disturbed, to tell."""
        whole = self.update_seconds + self.evaluation_seconds
        if self.updates < LEAST_UPDATES or self.update_seconds < LEAST_SECONDS:
            return None
        if self.waited > MOST_WAITING * whole * threads or not math.isfinite(whole):
            return None
        each = self.update_seconds / self.updates
        example = self.evaluation_seconds / self.evaluated if self.evaluated else None
        return Measured(self.shape, self.members, threads, processes, each, example or None, "run")


class StackClock:
    """Told by a stack's run what each update and evaluation took; its first update is left out.

    Only the first batch size counts, and only while all members train: one figure for one shape.
    """

    def __init__(self, trainer: StackTrainer) -> None:
        self._trainer = trainer
        plan, shapes = trainer.plan, trainer.shapes
        self._phase = plan.timeline.phases[0]
        self._members = len(plan.members)
        self._shape = Shape.of(
            plan.members[0].experiment,
            shapes.image_shape,
            shapes.features,
            shapes.classes,
            self._phase.batch_size,
        )
        arrays = trainer.arrays
        parts = (arrays.train, arrays.validation, arrays.test)
        self._examples = sum(part.labels.shape[1] for part in parts) * self._members
        self._updates, self._update_seconds = 0, 0.0
        self._evaluations, self._evaluation_seconds = 0, 0.0
        self._waited = waited_seconds()

    def updated(self, seconds: float) -> None:
        """An update took so long."""
        first = self._trainer.update <= 1
        if self._whole and not first and self._trainer.update <= self._phase.updates:
            self._updates += 1
            self._update_seconds += seconds

    def evaluated(self, seconds: float) -> None:
        """An evaluation took so long."""
        if self._whole and self._trainer.update > 0:
            self._evaluations += 1
            self._evaluation_seconds += seconds

    @property
    def _whole(self) -> bool:
        return len(self._trainer.active) == self._members

    def time(self) -> StackTime:
        """What it took so far."""
        return StackTime(
            self._shape,
            self._members,
            self._updates,
            self._update_seconds,
            self._examples * self._evaluations,
            self._evaluation_seconds,
            waited_seconds() - self._waited,
        )
