"""What an experiment will cost: networks, updates, memory and time, estimated without torch."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.experiment import grid
from memlab.experiment.architecture import multiply_adds, parameter_count
from memlab.experiment.schedule import Timeline, noise_scale
from memlab.experiment.spec import Experiment

#: (shape of an image or None, features, classes, default train, validation, test examples)
SHAPES: dict[str, tuple[tuple[int, int, int] | None, int, int, int, int, int]] = {
    "digits": ((1, 8, 8), 64, 10, 1000, 400, 397),
    "mnist": ((1, 28, 28), 784, 10, 1000, 400, 10000),
    "fashion-mnist": ((1, 28, 28), 784, 10, 1000, 400, 10000),
    "kmnist": ((1, 28, 28), 784, 10, 1000, 400, 10000),
    "cifar10": ((3, 32, 32), 3072, 10, 1000, 400, 10000),
    "cifar100": ((3, 32, 32), 3072, 100, 1000, 400, 10000),
    "svhn": ((3, 32, 32), 3072, 10, 1000, 400, 26032),
    "mnist1d": (None, 40, 10, 4000, 400, 1000),
    "gaussian": (None, 64, 10, 1000, 400, 400),
}
#: Multiply-adds a second of training (forward, backward, update), on small and large networks;
#: measured on two cores of a server and assumed for a data-centre GPU.
SPEED = {"cpu": 4.0e10, "cuda": 4.0e12}
#: Seconds that an update takes at least, whatever it computes.
OVERHEAD = {"cpu": 1.5e-4, "cuda": 6.0e-4}


@dataclass(frozen=True)
class Cost:
    """`parameters` are per network, the largest; `updates` over all networks; memory in bytes."""

    members: int
    stacks: int
    shapes: int
    updates: int
    examples: int
    parameters: int
    memory: int
    seconds: float
    ratio: float | None
    noise_scale: float | None

    @property
    def minutes(self) -> float:
        """The estimated time, in minutes."""
        return self.seconds / 60

    def sentence(self) -> str:
        """The cost in words."""
        if self.minutes < 1:
            time = f"about {max(1, round(self.seconds))} s"
        elif self.minutes < 90:
            time = f"about {round(self.minutes)} min"
        else:
            time = f"about {self.minutes / 60:.0f} h"
        return f"{time} for {self.members:,} networks and {self.updates:,} updates"


def estimate(
    experiment: Experiment, device: str = "cpu", speed: float | None = None
) -> Cost | None:
    """The cost on `device` (`cpu` or `cuda`); None for the user's own data, whose shape is unknown.

    `speed` are multiply-adds a second measured on this machine, in place of the table's.
    Experiments of more than 10,000 members are estimated from their first combination.
    """
    count = grid.member_count(experiment)
    groups = grid.groups(experiment.model_copy(update={"seeds": 1})) if count <= 10_000 else ()
    cells = [grid.with_values(experiment, group.axis_values) for group in groups]
    seeds = len(experiment.seed_list)
    share = seeds
    if not cells:
        first = {name: values[0] for name, values in experiment.axes.items()}
        cells, share = [grid.with_values(experiment, first)], count
    stacks: dict[str, int] = {}
    shapes: set[str] = set()
    updates = examples = memory = parameters = 0
    seconds = 0.0
    for cell in cells:
        if cell.dataset.name not in SHAPES:
            return None
        image, features, classes, train, validation, test = SHAPES[cell.dataset.name]
        train = cell.dataset.train or train
        image, features = _cropped(cell, image, features)
        timeline = Timeline(cell, train)
        size = parameter_count(cell.model, image, features, classes)
        work = multiply_adds(cell.model, image, features, classes)
        seen = timeline.examples_before(timeline.updates) * share
        measured = train + (cell.dataset.validation or validation) + (cell.dataset.test or test)
        measured *= len(timeline.evaluations()) * share
        updates += timeline.updates * share
        examples += seen
        memory += 4 * size * share * 3
        parameters = max(parameters, size)
        seconds += work * (3 * seen + measured) / (speed or SPEED[device])
        key = f"{cell.model.model_dump_json()}|{timeline.phases}"
        stacks[key] = timeline.updates
        shapes.add(cell.model.model_dump_json())
    seconds += sum(stacks.values()) * OVERHEAD[device]
    single = "optimizer" not in experiment.axes and not any(
        name in experiment.axes
        for name in ("optimizer.learning_rate", "optimizer.batch_size", "optimizer.momentum")
    )
    optimizer = cells[0].optimizer
    return Cost(
        count,
        len(stacks),
        len(shapes),
        updates,
        examples,
        parameters,
        memory,
        seconds,
        optimizer.learning_rate / optimizer.batch_size if single else None,
        noise_scale(optimizer, train) if single else None,
    )


def _cropped(
    cell: Experiment, image: tuple[int, int, int] | None, features: int
) -> tuple[tuple[int, int, int] | None, int]:
    if image is None or cell.dataset.crop is None:
        return image, features
    side = cell.dataset.crop
    channels = image[0]
    return (channels, min(side, image[1]), min(side, image[2])), channels * side * side
