"""Learning rate, batch size and the timeline of updates as functions of the examples seen.

An epoch is N examples. Every batch has exactly S examples and batches run across epoch borders in
a stream of per-epoch permutations, so that every update has the noise of its batch size; what is
due at an epoch falls on the update nearest to it. No torch: the cost estimate uses the same code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from memlab.experiment.material_spec import DatasetSpec
from memlab.experiment.spec import Experiment
from memlab.experiment.training_spec import OptimizerSpec, ScheduleSpec

#: From fewer evaluations it cannot be told when an example is learned; then so many times the
#: margins of a few networks are traced.
LEAST_TRACES, TRACES = 7, 21


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one batch size."""

    first_update: int
    first_example: int
    updates: int
    batch_size: int


def rate_factor(spec: ScheduleSpec, epoch: float, epochs: float) -> float:
    """Learning rate at `epoch` (examples seen ÷ N) as a multiple of the first one.

    Smith 2017, section 3, for the steps; Loshchilov and Hutter 2017, equation 5, for the cosine.
    """
    warm = min(1.0, epoch / spec.warmup) if spec.warmup > 0 else 1.0
    return warm * _rate_shape(spec, epoch, epochs)


def _rate_shape(spec: ScheduleSpec, epoch: float, epochs: float) -> float:
    if spec.kind in ("step", "decay-rate"):
        return spec.factor ** -_passed(spec.milestones, epoch)
    if spec.kind == "hybrid":
        return spec.factor ** -_passed(spec.milestones[1:], epoch)
    if spec.kind == "exponential":
        return spec.factor ** -math.floor(epoch / spec.period + 1e-9)
    if spec.kind == "cosine":
        span = max(epochs - spec.warmup, 1e-12)
        share = min(max((epoch - spec.warmup) / span, 0.0), 1.0)
        return spec.floor + (1.0 - spec.floor) * 0.5 * (1.0 + math.cos(math.pi * share))
    if spec.kind == "cyclic":
        return 1.0 / spec.factor if _first_half(spec, epoch) else 1.0
    return 1.0


def batch_size_at(spec: ScheduleSpec, first: int, epoch: float, train_examples: int) -> int:
    """Batch size S at `epoch`, never above `max_batch` or the number of training examples."""
    if spec.kind == "grow-batch":
        size = first * spec.factor ** _passed(spec.milestones, epoch)
    elif spec.kind == "hybrid":
        size = first * spec.factor ** _passed(spec.milestones[:1], epoch)
    elif spec.kind == "cyclic-batch":
        size = first * spec.factor if _first_half(spec, epoch) else first
    else:
        size = first
    if spec.max_batch is not None:
        size = min(size, max(spec.max_batch, first))
    return min(round(size), train_examples)


def _passed(milestones: tuple[float, ...], epoch: float) -> int:
    return sum(1 for milestone in milestones if epoch >= milestone - 1e-9)


def _first_half(spec: ScheduleSpec, epoch: float) -> bool:
    return math.floor(2.0 * epoch / spec.period + 1e-9) % 2 == 0


def noise_scale(optimizer: OptimizerSpec, train_examples: int) -> float:
    """g = ηN / (S(1 − m)), Smith 2017, equation 4, in its large-N form; Adam counts m = 0."""
    momentum = optimizer.momentum if optimizer.name == "sgd" else 0.0
    return optimizer.learning_rate * train_examples / (optimizer.batch_size * (1.0 - momentum))


def subset_size(share: float, examples: int) -> int:
    """N of a member that is trained on a share: ⌊share · examples⌋ by its decimals, at least 1.

    >>> subset_size(0.29, 100)
    29
    """
    return max(1, math.floor(Fraction(repr(share)) * examples))


def trained_on(spec: DatasetSpec, examples: int) -> int:
    """How many of `examples` training examples a network is trained on; at least 1."""
    return subset_size(spec.subset, max(1, examples - len(spec.without)))


class Timeline:
    """When what happens during one member's training, in updates and examples seen.

    `train_examples` is N. All borders (phases of the batch size, evaluations, a fork, the end) fall
    on the update nearest to them, so the number of updates is exact: 50,000 examples, S = 128 and
    200 epochs make 78,125. `fork` is the first update with the settings of the fork, None where
    there is none; epochs count on through it.
    """

    def __init__(self, experiment: Experiment, train_examples: int) -> None:
        self.train_examples = train_examples
        self.epochs = experiment.stop.epochs
        self.fork: int | None = None
        self._fork_at = math.inf if experiment.fork.at is None else experiment.fork.at
        self._trunk, self._branch = experiment, experiment.branch
        self._evaluation = experiment.evaluation
        self.phases = _joined(self._make_phases(experiment.stop.updates))
        self.updates = sum(phase.updates for phase in self.phases)

    def _make_phases(self, limit: int | None) -> Iterator[Phase]:
        update, seen = 0, 0
        start = 0.0
        for border in [*self._borders(), self.epochs]:
            own = self._branch if start >= self._fork_at else self._trunk
            size = batch_size_at(own.schedule, own.optimizer.batch_size, start, self.train_examples)
            count = max(math.ceil((border * self.train_examples - size / 2 - seen) / size), 0)
            if border == self.epochs and update + count == 0:
                count = 1
            if limit is not None:
                count = min(count, limit - update)
            if count > 0:
                yield Phase(update, seen, count, size)
            update, seen, start = update + count, seen + count * size, border
            if border == self._fork_at < self.epochs:
                self.fork = update

    def _borders(self) -> list[float]:
        """Epochs inside the training at which the batch size may change, ascending."""
        if self._fork_at >= self.epochs:
            return _batch_borders(self._trunk.schedule, self.epochs)
        trunk, branch = (
            _batch_borders(own.schedule, self.epochs) for own in (self._trunk, self._branch)
        )
        early = [border for border in trunk if border < self._fork_at]
        return [*early, self._fork_at, *(b for b in branch if b > self._fork_at)]

    def phase(self, update: int) -> Phase:
        """The phase that holds `update` (0-based); the last one for the end of training."""
        for phase in self.phases:
            if update < phase.first_update + phase.updates:
                return phase
        return self.phases[-1]

    def examples_before(self, update: int) -> int:
        """Examples seen before `update`."""
        phase = self.phase(update)
        return phase.first_example + (update - phase.first_update) * phase.batch_size

    def forked(self, update: int) -> bool:
        """Whether `update` has the settings of the fork."""
        return self.fork is not None and update >= self.fork

    def rate_factor(self, update: int) -> float:
        """Learning rate of `update` as a multiple of η; warm-up counts the update done.

        η is `optimizer.learning_rate`, from the fork on that of the fork.
        """
        schedule = (self._branch if self.forked(update) else self._trunk).schedule
        seen = self.examples_before(update)
        if schedule.warmup > 0:
            seen += self.phase(update).batch_size
        if schedule.kind in ("constant", "cosine"):
            return rate_factor(schedule, seen / self.train_examples, self.epochs)
        middle = seen + 0.5 * self.phase(update).batch_size
        return rate_factor(schedule, middle / self.train_examples, self.epochs)

    def _evaluation_epochs(self) -> list[float]:
        spec = self._evaluation
        until = min(spec.early_until, self.epochs) if spec.early is not None else 0.0
        early = spec.early or 1.0
        found = [step * early for step in range(1, math.floor(until / early + 1e-9) + 1)]
        last = math.floor(self.epochs / spec.every + 1e-9)
        regular = [step * spec.every for step in range(1, last + 1)]
        return found + [epoch for epoch in regular if epoch > until + 1e-9]

    def evaluations(self) -> list[tuple[int, float]]:
        """(updates done, nominal epoch) of every evaluation, the first before any update.

        The last one is always at the end. Two that fall on one update become one.
        """
        points: dict[int, float] = {0: 0.0}
        for epoch in self._evaluation_epochs():
            update = self.update_at(epoch)
            if update is not None:
                points[update] = epoch
        if self.updates not in points:
            reached = min(self.epochs, self.examples_before(self.updates) / self.train_examples)
            points[self.updates] = max(reached, *points.values())  # nominal ones may be ahead
        return sorted(points.items())

    def traces(self) -> list[tuple[int, float]]:
        """As `evaluations`, for traced networks' margins: more where evaluations are few."""
        evaluations = self.evaluations()
        if len(evaluations) >= LEAST_TRACES:
            return evaluations
        points = dict(evaluations)
        for (first, low), (last, high) in pairwise(evaluations):
            for step in range(TRACES):
                update = self.updates * step // (TRACES - 1)
                epoch = self.examples_before(update) / self.train_examples
                # An evaluation's epoch is nominal, up to half a batch beside its update.
                if first < update < last and low < epoch < high:
                    points[update] = epoch
        return sorted(points.items())

    def early(self) -> int | None:
        """The update after which one epoch is over; None where training is over by then."""
        update = self.update_at(1.0)
        return update if update is not None and 0 < update < self.updates else None

    def update_at(self, epoch: float) -> int | None:
        """The update that begins nearest to `epoch`; None after the end."""
        target = epoch * self.train_examples
        for phase in self.phases:
            done = math.ceil(
                (target - phase.batch_size / 2 - phase.first_example) / phase.batch_size
            )
            if done <= phase.updates:
                return phase.first_update + max(done, 0)
        return None


def _batch_borders(spec: ScheduleSpec, epochs: float) -> list[float]:
    """Epochs before the end at which the schedule changes the batch size, ascending."""
    if spec.kind in ("grow-batch", "hybrid"):
        steps = spec.milestones if spec.kind == "grow-batch" else spec.milestones[:1]
        return [step for step in steps if step < epochs]
    if spec.kind == "cyclic-batch":
        half = spec.period / 2
        return [half * i for i in range(1, math.ceil(epochs / half - 1e-9))]
    return []


def _joined(phases: Iterator[Phase]) -> tuple[Phase, ...]:
    """The phases, neighbours of one batch size as one."""
    found: list[Phase] = []
    for phase in phases:
        if found and found[-1].batch_size == phase.batch_size:
            before = found.pop()
            phase = replace(before, updates=before.updates + phase.updates)
        found.append(phase)
    return tuple(found)
