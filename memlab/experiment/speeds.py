"""Seconds of an update and of an evaluation, from what was measured on one machine.

A shape that was measured has its own figures; others are interpolated by a sum of parts (an update
itself, its multiply-adds, its activations, its parameters) fitted to the measured shapes of the
same architecture. Pure: the store that measurements come from is `memlab.runs.calibration`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Literal

from memlab.experiment.architecture import ImageShape, count, needs_images, resolve, sees_images
from memlab.experiment.datasets import Taken
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.spec import Experiment

Source = Literal["calibration", "run"]
#: What is dearer than plain updates and is not calibrated. Keyed noise: seconds a member, for its
#: generators, and an activation (18 networks 2×256 of batch 128 and 32 of 2×64 of batch 32 with
#: dropout on one core of an AMD EPYC, torch 2.15). Adversarial examples: plain updates' worth, and
#: that of each step of their search. Augmentation: the same.
NOISE_MEMBER, NOISE_ACTIVATION = 1.2e-4, 5e-9
ADVERSARIAL, ADVERSARIAL_STEP, AUGMENTATION = 1.4, 1.0, 0.1
#: Seconds a parameter that the optimizer takes besides what plain SGD does, measured likewise.
OPTIMIZER = {"sgd": 0.0, "adam": 3.4e-9, "adamw": 3.4e-9}
#: Distance (in logarithms of the work) at which a measurement counts half.
NEAR = 1.0
#: Measurements that tell of other shapes too.
ENOUGH = 2


@dataclass(frozen=True)
class Shape:
    """What one update's time depends on; `model` is resolved (`architecture.resolve`).

    `image` is None for examples that are plain numbers. `extra` names what makes updates dearer:
    `noise` (dropout and Gaussian noise), `augmentation`, `adversarial-STEPS`, or changes their
    arithmetic (`tf32`, `bf16`), joined by `+`.
    """

    model: ModelSpec
    image: ImageShape | None
    features: int
    classes: int
    batch_size: int
    optimizer: str = "sgd"
    loss: str = "cross-entropy"
    extra: str = ""

    @property
    def plain(self) -> bool:
        """Whether nothing makes updates dearer than those of SGD."""
        return not self.extra and self.optimizer == "sgd"

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        image: ImageShape | None,
        features: int,
        classes: int,
        batch_size: int | None = None,
    ) -> Shape:
        """That of the networks of `experiment`, at `batch_size` or its first one."""
        regularization = experiment.regularization
        noisy = ("dropout", "input_dropout", "input_noise", "hidden_noise")
        extra = {
            "noise": any(getattr(regularization, name) > 0 for name in noisy),
            "augmentation": regularization.augmentation != "none" and image is not None,
            f"adversarial-{regularization.adversarial_steps}": regularization.adversarial_weight
            > 0,
            experiment.training.precision: experiment.training.precision != "float32",
        }
        return cls(
            model=resolve(experiment.model),
            image=image if sees_images(experiment.model.name) or extra["augmentation"] else None,
            features=features,
            classes=classes,
            batch_size=batch_size or experiment.optimizer.batch_size,
            optimizer=experiment.optimizer.name,
            loss=experiment.loss.name,
            extra="+".join(name for name, on in extra.items() if on),
        )

    @classmethod
    def taken(cls, experiment: Experiment, data: Taken, batch_size: int | None = None) -> Shape:
        """That of the networks of `experiment` on the data that it takes."""
        return cls.of(experiment, data.image, data.features, data.classes, batch_size)


@dataclass(frozen=True)
class Measured:
    """One measurement: of a stack of `members`, on `threads`, with `processes` side by side.

    `update_seconds` are those of one update of the whole stack, `example_seconds` those of
    evaluating one example of one member; each None where it was not measured.
    """

    shape: Shape
    members: int
    threads: int
    processes: int
    update_seconds: float | None
    example_seconds: float | None
    source: Source = "calibration"


@lru_cache(maxsize=1024)
def _counts(shape: Shape) -> tuple[int, int, int]:
    """Multiply-adds, activations and parameters."""
    found = count(shape.model, shape.image, shape.features, shape.classes)
    return found.multiply_adds, found.activations, found.parameters


def _update_parts(shape: Shape, members: int) -> tuple[float, ...]:
    """What an update's time is a sum of: multiply-adds, the update itself, activations, parameters.

    In this order: where too few measurements tell the parts apart, the first ones explain them.
    """
    work, activations, parameters = _counts(shape)
    examples = shape.batch_size * members
    return (3.0 * work * examples, 1.0, 3.0 * activations * examples, float(parameters * members))


def _example_parts(shape: Shape, members: int) -> tuple[float, ...]:
    work, activations, _ = _counts(shape)
    return (float(work), 1.0, float(activations))


def _with_extra(seconds: float, shape: Shape, members: int) -> float:
    """Seconds of a plain update with all that makes this one dearer."""
    factor = 1.0
    seconds += OPTIMIZER.get(shape.optimizer, 0.0) * _counts(shape)[2] * members
    for name in shape.extra.split("+"):
        kind, _, steps = name.partition("-")
        if kind == "adversarial":
            factor += ADVERSARIAL + ADVERSARIAL_STEP * (int(steps) if steps.isdigit() else 1)
        factor += AUGMENTATION * (kind == "augmentation")
    if "noise" in shape.extra:
        each = NOISE_ACTIVATION * _counts(shape)[1] * shape.batch_size
        seconds += members * (NOISE_MEMBER + each)
    return factor * seconds


@dataclass(frozen=True)
class Speeds:
    """What was measured on one machine and device, oldest first; `cores` are those usable.

    `worker_bytes` is the resident set of a worker that has nothing to train yet.
    """

    cores: int
    measured: tuple[Measured, ...] = ()
    worker_bytes: int | None = None

    def update_seconds(
        self, shape: Shape, members: int = 1, threads: int | None = None, processes: int = 1
    ) -> float | None:
        """Seconds of one update of a stack; None where nothing tells.

        `threads` None are all usable cores. Processes side by side for which nothing was measured
        are taken not to slow each other down.
        """
        return self._seconds("update_seconds", shape, members, threads, processes)

    def example_seconds(
        self, shape: Shape, members: int = 1, threads: int | None = None, processes: int = 1
    ) -> float | None:
        """Seconds of evaluating one example of one member; None where nothing tells."""
        return self._seconds("example_seconds", shape, members, threads, processes)

    def known(self, shape: Shape) -> bool:
        """Whether updates of this very shape were measured."""
        return any(one.shape == shape and one.update_seconds for one in self.measured)

    def at(self, threads: int) -> list[Measured]:
        """The calibration's own measurements with that many threads."""
        own = (one for one in self.measured if one.source == "calibration")
        return [one for one in own if one.threads == threads]

    def fastest(self) -> dict[str, float]:
        """Multiply-adds a second of training each architecture, at its best, on all cores."""
        found: dict[str, float] = {}
        for one in self.measured:
            if one.threads == self.cores and one.processes == 1 and one.update_seconds:
                work = _update_parts(one.shape, one.members)[0] / one.update_seconds
                name = one.shape.model.name
                found[name] = max(found.get(name, 0.0), work)
        return found

    def _seconds(
        self, field: str, shape: Shape, members: int, threads: int | None, processes: int
    ) -> float | None:
        found = self._alike(field, shape, threads or self.cores, processes)
        same = [one for one in found if one.shape == shape]
        if not same:
            return _modelled(field, found, shape, members)
        nearest = min(reversed(same), key=lambda one: abs(math.log(one.members / members)))
        value = float(getattr(nearest, field))
        if nearest.members == members:
            return value
        here = _modelled(field, found, shape, members)
        there = _modelled(field, found, shape, nearest.members)
        return value * here / there if here and there else value * members / nearest.members

    def _alike(
        self, field: str, shape: Shape, threads: int, processes: int
    ) -> tuple[Measured, ...]:
        """The measurements of this architecture (else of its kind), at the nearest threads."""
        timed = [one for one in self._timed if getattr(one, field) is not None]
        own = [one for one in timed if one.shape.model.name == shape.model.name]
        if not own:
            images = needs_images(shape.model.name)
            own = [one for one in timed if needs_images(one.shape.model.name) == images]
        side = [one for one in own if one.processes == processes]
        side = side or [one for one in own if one.processes == 1]
        groups: dict[int, list[Measured]] = {}
        for one in side:
            groups.setdefault(one.threads, []).append(one)
        nearest = sorted(groups, key=lambda near: abs(math.log(near / threads)))
        # A single run's figure tells of its own shape only.
        for near in nearest:
            group = groups[near]
            if len(group) >= ENOUGH or any(one.shape == shape for one in group):
                return tuple(group)
        return tuple(groups[nearest[0]]) if nearest else ()

    @cached_property
    def _timed(self) -> tuple[Measured, ...]:
        """Runs' own figures stand over the calibration's of the same place."""
        latest: dict[tuple[object, ...], Measured] = {}
        for one in self.measured:
            place = (one.shape, one.members, one.threads, one.processes)
            before = latest.get(place)
            if before is None or one.source == "run" or before.source != "run":
                latest[place] = one
        return tuple(latest.values())


@lru_cache(maxsize=4096)
def _modelled(field: str, found: tuple[Measured, ...], shape: Shape, members: int) -> float | None:
    """The sum of parts that fits the plain ones of `found` best near `shape`, at `shape`."""
    update = field == "update_seconds"
    parts = _update_parts if update else _example_parts
    plain = [one for one in found if not update or one.shape.plain]
    if not plain:
        return None
    here = parts(shape, members)
    rows, wanted = [], []
    for one in plain:
        there = parts(one.shape, one.members)
        seconds = float(getattr(one, field))
        apart = sum(abs(math.log((a + 1.0) / (b + 1.0))) for a, b in zip(there, here, strict=True))
        # Relative errors count, and near measurements more: speed changes with size.
        weight = 1.0 / (1.0 + apart / NEAR) / seconds
        rows.append([part * weight for part in there])
        wanted.append(seconds * weight)
    costs = _nonnegative(rows, wanted)
    made = sum(part * cost for part, cost in zip(here, costs, strict=True))
    return _with_extra(made, shape, members) if update else made


def _nonnegative(rows: Sequence[Sequence[float]], wanted: Sequence[float]) -> list[float]:
    """Non-negative least squares, by trying every set of the few columns.

    Without numpy: the form waits for this, and importing that takes longer than all of it.
    """
    count = len(rows[0])
    scale = [max(1e-300, *(row[at] for row in rows)) for at in range(count)]
    columns = [[row[at] / scale[at] for row in rows] for at in range(count)]
    best, least = [0.0] * count, math.inf
    for size in range(1, min(len(rows), count) + 1):
        for chosen in combinations(range(count), size):
            solution = _solved([columns[at] for at in chosen], wanted)
            if solution is None or min(solution) < 0:
                continue
            fitted = list(zip(chosen, solution, strict=True))
            error = sum(
                (sum(columns[at][row] * cost for at, cost in fitted) - wanted[row]) ** 2
                for row in range(len(rows))
            )
            if error < least - 1e-12:
                best, least = [0.0] * count, error
                for at, cost in fitted:
                    best[at] = cost / scale[at]
    return best


def _solved(columns: Sequence[Sequence[float]], wanted: Sequence[float]) -> list[float] | None:
    """Least squares by the normal equations; None where they are singular."""
    system = [[_dot(one, other) for other in columns] + [_dot(one, wanted)] for one in columns]
    for at in range(len(columns)):
        pivot = max(range(at, len(columns)), key=lambda row: abs(system[row][at]))
        if abs(system[pivot][at]) < 1e-12 * max(1.0, _dot(wanted, wanted)):
            return None
        system[at], system[pivot] = system[pivot], system[at]
        for row in range(len(columns)):
            if row != at:
                factor = system[row][at] / system[at][at]
                system[row] = [a - factor * b for a, b in zip(system[row], system[at], strict=True)]
    return [row[-1] / row[at] for at, row in enumerate(system)]


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def joined(before: Sequence[Measured], new: Sequence[Measured], most: int) -> tuple[Measured, ...]:
    """`before` with `new` in the places of what they measure anew; the latest `most` of them."""

    def place(one: Measured) -> tuple[object, ...]:
        return (one.shape, one.members, one.threads, one.processes, one.source)

    fresh = {place(one) for one in new}
    return (*(one for one in before if place(one) not in fresh), *new)[-most:]
