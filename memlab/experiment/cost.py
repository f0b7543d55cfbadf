"""What an experiment will cost: networks, updates, memory and time, estimated without torch."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.experiment import grid
from memlab.experiment.architecture import multiply_adds, parameter_count
from memlab.experiment.datasets import taken
from memlab.experiment.schedule import Timeline, noise_scale
from memlab.experiment.spec import Experiment

#: Multiply-adds a second of training (forward, backward, update), on small and large networks;
#: measured on two cores of a server and assumed for a data-centre GPU.
SPEED = {"cpu": 4.0e10, "cuda": 4.0e12}
#: Seconds that an update takes at least, whatever it computes.
OVERHEAD = {"cpu": 1.5e-4, "cuda": 6.0e-4}
#: An axis on one of these leaves no single noise scale.
NOISE_FIELDS = (
    "optimizer",
    *(f"optimizer.{n}" for n in ("learning_rate", "batch_size", "momentum")),
    *("dataset", "dataset.name", "dataset.train"),
)
#: Members above which only the first combination is priced.
MANY = 10_000


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

    @property
    def time(self) -> str:
        """The estimated time in words: `about 19 s`."""
        return about(self.seconds)

    def sentence(self) -> str:
        """The cost in words."""
        return f"{self.time} for {self.members:,} networks and {self.updates:,} updates"


def about(seconds: float) -> str:
    """An estimated time in words: `about 19 s`, `about 5 min`, `about 7 h`, `about 12 days`."""
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    if seconds < 72 * 3600:
        return f"about {seconds / 3600:.0f} h"
    return f"about {seconds / 86_400:,.0f} days"


def estimate(
    experiment: Experiment, device: str = "cpu", speed: float | None = None
) -> Cost | None:
    """The cost on `device` (`cpu` or `cuda`); None for the user's own data, whose shape is unknown.

    `speed` are multiply-adds a second measured on this machine, in place of the table's.
    Experiments of more than 10,000 members are estimated from their first combination.
    """
    cells, share = _cells(experiment)
    priced = [_price(cell, speed or SPEED[device], share) for cell in cells]
    known = [price for price in priced if price is not None]
    if len(known) < len(priced):
        return None
    optimizer = cells[0].optimizer
    single = not any(name in experiment.axes for name in NOISE_FIELDS)
    steps = {price.stack: price.updates for price in known}
    return Cost(
        members=grid.member_count(experiment),
        stacks=len(steps),
        shapes=len({price.shape for price in known}),
        updates=sum(price.updates for price in known) * share,
        examples=sum(price.examples for price in known),
        parameters=max(price.parameters for price in known),
        memory=4 * 3 * share * sum(price.parameters for price in known),
        seconds=sum(price.seconds for price in known) + sum(steps.values()) * OVERHEAD[device],
        ratio=optimizer.learning_rate / optimizer.batch_size if single else None,
        noise_scale=noise_scale(optimizer, known[-1].train) if single else None,
    )


@dataclass(frozen=True)
class _Price:
    """One combination of axis values: per network, apart from `examples` and `seconds`."""

    train: int
    parameters: int
    updates: int
    examples: int
    seconds: float
    shape: str
    stack: str


def _cells(experiment: Experiment) -> tuple[list[Experiment], int]:
    """The combinations to price, and how many networks each stands for."""
    count = grid.member_count(experiment)
    if count > MANY:
        first = {name: values[0] for name, values in experiment.axes.items()}
        return [grid.with_values(experiment, first)], count
    groups = grid.groups(experiment.model_copy(update={"seeds": 1}))
    cells = [grid.with_values(experiment, group.axis_values) for group in groups]
    return cells, len(experiment.seed_list)


def _price(cell: Experiment, speed: float, share: int) -> _Price | None:
    data = taken(cell.dataset)
    if data is None:
        return None
    timeline = Timeline(cell, data.train)
    seen = timeline.examples_before(timeline.updates) * share
    measured = data.train + data.validation + data.test
    measured *= len(timeline.evaluations()) * share
    work = multiply_adds(cell.model, data.image, data.features, data.classes)
    shape = cell.model.model_dump_json()
    return _Price(
        train=data.train,
        parameters=parameter_count(cell.model, data.image, data.features, data.classes),
        updates=timeline.updates,
        examples=seen,
        seconds=work * (3 * seen + measured) / speed,
        shape=shape,
        stack=f"{shape}|{timeline.phases}",
    )
