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

import numpy as np

from memlab.experiment.architecture import ImageShape, count, needs_images, resolve
from memlab.experiment.datasets import Taken
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.spec import Experiment

Source = Literal["calibration", "run"]
#: Passes over the parameters and moments that an update of each optimizer takes, roughly.
TRAFFIC = {"sgd": 1.0, "adam": 3.0, "adamw": 3.0}
#: Distance (in logarithms of the work) at which a measurement counts half.
NEAR = 1.0


@dataclass(frozen=True)
class Shape:
    """What one update's time depends on; `model` is resolved (`architecture.resolve`).

    `image` is None for examples that are plain numbers. `extra` names what makes updates dearer:
    `noise` (dropout and Gaussian noise), `augmentation`, `adversarial`, or changes their
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
            "adversarial": regularization.adversarial_weight > 0,
            experiment.training.precision: experiment.training.precision != "float32",
        }
        return cls(
            model=resolve(experiment.model),
            image=image if needs_images(experiment.model.name) or extra["augmentation"] else None,
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
    """What an update's time is a sum of: itself, multiply-adds, activations, parameters."""
    work, activations, parameters = _counts(shape)
    examples = shape.batch_size * members
    traffic = TRAFFIC.get(shape.optimizer, 1.0)
    passes = 3.0 if "adversarial" not in shape.extra else 12.0
    noise = 4.0 if "noise" in shape.extra else 1.0
    alone = members if needs_images(shape.model.name) else 1
    return (
        float(alone),
        passes * work * examples,
        passes * noise * activations * examples,
        traffic * parameters * members,
    )


def _example_parts(shape: Shape, members: int) -> tuple[float, ...]:
    work, activations, _ = _counts(shape)
    return (1.0, float(work), float(activations))


@dataclass(frozen=True)
class Speeds:
    """What was measured on one machine and device, oldest first; `cores` are those usable."""

    cores: int
    measured: tuple[Measured, ...] = ()

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

    def _seconds(
        self, field: str, shape: Shape, members: int, threads: int | None, processes: int
    ) -> float | None:
        found = self._alike(field, shape, threads or self.cores, processes)
        if not found:
            return None
        modelled = _fitted(field, tuple(found), shape, members)
        same = [one for one in found if one.shape == shape]
        if not same:
            return modelled
        nearest = min(reversed(same), key=lambda one: abs(math.log(one.members / members)))
        value = float(getattr(nearest, field))
        if nearest.members == members:
            return value
        there = _fitted(field, tuple(found), shape, nearest.members)
        return value * modelled / there

    def _alike(self, field: str, shape: Shape, threads: int, processes: int) -> list[Measured]:
        """The measurements of this architecture (else of its kind), at the nearest threads."""
        timed = [one for one in self._timed if getattr(one, field) is not None]
        own = [one for one in timed if one.shape.model.name == shape.model.name]
        if not own:
            images = needs_images(shape.model.name)
            own = [one for one in timed if needs_images(one.shape.model.name) == images]
        side = [one for one in own if one.processes == processes] or [
            one for one in own if one.processes == 1
        ]
        nearest = min((abs(math.log(one.threads / threads)) for one in side), default=0.0)
        return [one for one in side if abs(math.log(one.threads / threads)) <= nearest]

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
def _fitted(field: str, found: tuple[Measured, ...], shape: Shape, members: int) -> float:
    """The sum of parts that fits `found` best near `shape`, at `shape`."""
    parts = _update_parts if field == "update_seconds" else _example_parts
    here = np.array(parts(shape, members))
    rows = np.array([parts(one.shape, one.members) for one in found])
    seconds = np.array([float(getattr(one, field)) for one in found])
    apart = np.abs(np.log((rows + 1.0) / (here + 1.0))).sum(1)
    other = np.array([1.0 if one.shape.extra == shape.extra else 0.3 for one in found])
    # Relative errors count, and near measurements more: speed changes with size.
    weights = other / (1.0 + apart / NEAR) / seconds
    return float(here @ _nonnegative(rows * weights[:, None], seconds * weights))


def _nonnegative(rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Non-negative least squares, by trying every set of the few columns."""
    scale = np.maximum(rows.max(0), 1e-300)
    scaled = rows / scale
    best, least = np.zeros(rows.shape[1]), math.inf
    for size in range(1, min(rows.shape) + 1):
        for chosen in combinations(range(rows.shape[1]), size):
            columns = list(chosen)
            solution = np.linalg.lstsq(scaled[:, columns], wanted, rcond=None)[0]
            error = float(np.square(scaled[:, columns] @ solution - wanted).sum())
            if (solution >= 0).all() and error < least - 1e-12:
                best, least = np.zeros(rows.shape[1]), error
                best[columns] = solution
    return np.asarray(best / scale)


def joined(before: Sequence[Measured], new: Sequence[Measured], most: int) -> tuple[Measured, ...]:
    """`before` with `new` in the places of what they measure anew; the latest `most` of them."""

    def place(one: Measured) -> tuple[object, ...]:
        return (one.shape, one.members, one.threads, one.processes, one.source)

    fresh = {place(one) for one in new}
    return (*(one for one in before if place(one) not in fresh), *new)[-most:]
