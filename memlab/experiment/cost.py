"""What an experiment will cost: networks, updates, memory and time, estimated without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from memlab.experiment import footprint, grid
from memlab.experiment.architecture import alone, multiply_adds, parameter_count
from memlab.experiment.datasets import Taken, taken
from memlab.experiment.instruments import Workload, instrument
from memlab.experiment.own_network import NotLookedAt
from memlab.experiment.schedule import Timeline, noise_scale, trained_on
from memlab.experiment.spec import Experiment
from memlab.experiment.speeds import Shape, Speeds

#: On a machine never measured: multiply-adds a second of training (forward, backward, update), on
#: two cores of a server and assumed for a data-centre GPU; and the seconds that an update takes at
#: least.
SPEED = {"cpu": 4.0e10, "cuda": 4.0e12}
OVERHEAD = {"cpu": 1.5e-4, "cuda": 6.0e-4}
#: Seconds of a run besides its training: reading the data, the first networks, the report.
START_SECONDS = 1.0
#: Of an evaluation besides the forward passes: its row, what was memorized, the progress.
EVALUATION_SECONDS = 1.5e-3
#: Between two updates of a stack: requests, progress, the next batch's place.
BETWEEN_SECONDS = 3e-5
#: Of fitting one baseline to one network's data: at least, and for each pair of examples.
BASELINE_SECONDS, BASELINE_PAIR_SECONDS = 0.1, 5e-8
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
    """What a run will take.

    `parameters` are per network, the largest; `updates` over all networks; `memory` is the
    worker's and `disk` the run folder's, in bytes, both with all networks trained to the end;
    `more` says that instruments take more of them than can be told. `measured` says whether
    `seconds` come from this machine's own figures.
    """

    members: int
    stacks: int
    shapes: int
    updates: int
    examples: int
    parameters: int
    memory: int
    disk: int
    more: bool
    seconds: float
    measured: bool
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
    experiment: Experiment,
    device: str = "cpu",
    speeds: Speeds | None = None,
    threads: int | None = None,
    processes: int = 1,
    data: Taken | None = None,
) -> Cost | None:
    """The cost on `device` (`cpu` or `cuda`); None for the user's own data, whose shape is unknown.

    `speeds` are what was measured on this machine; where they do not tell, figures of another one
    stand in; `data` is what was found of data that only a look at them tells. `threads` None are
    all usable cores, `processes` train stacks side by side.
    Experiments of more than 10,000 members are estimated from their first combination. None too
    where a network of the user's own was not looked at in this process.
    """
    cells, share = _cells(experiment)
    try:
        stacks = _stacks(cells, share, data)
    except NotLookedAt:
        return None
    if stacks is None:
        return None
    clock = _Clock(device, speeds or Speeds(1), threads, processes)
    spent = sum(clock.stack(stack) for stack in stacks.values())
    seconds = spent / min(processes, sum(stack.members for stack in stacks.values()))
    if experiment.stop.seconds is not None:
        seconds = min(seconds, experiment.stop.seconds)
    listed = list(stacks.values())
    optimizer = cells[0].optimizer
    single = optimizer.learning_rate_of_sharpness is None and not any(
        name in experiment.axes for name in NOISE_FIELDS
    )
    return Cost(
        members=grid.member_count(experiment),
        stacks=len(listed),
        shapes=len({stack.cell.model.model_dump_json() for stack in listed}),
        updates=sum(stack.timeline.updates * stack.members for stack in listed),
        examples=sum(stack.seen for stack in listed),
        parameters=max(stack.parameters for stack in listed),
        memory=max(footprint.memory(stack, clock.speeds.worker_bytes) for stack in listed),
        disk=footprint.folder(listed, seconds),
        more=bool(experiment.instruments.names),
        seconds=START_SECONDS + seconds + _baseline_seconds(experiment, listed),
        measured=clock.measured,
        ratio=optimizer.learning_rate / optimizer.batch_size if single else None,
        noise_scale=noise_scale(optimizer, listed[-1].timeline.train_examples) if single else None,
    )


def expected(
    experiment: Experiment,
    device: str = "cpu",
    speeds: Speeds | None = None,
    data: Taken | None = None,
) -> Cost | None:
    """The cost as the planner will have it: one process with all cores, or one for each core.

    As `estimate` otherwise.
    """
    found = estimate(experiment, device, speeds, data=data)
    alone = speeds is not None and any(one.threads == 1 for one in speeds.measured)
    if found is None or speeds is None or not alone or device != "cpu" or speeds.cores < 2:
        return found
    spread = estimate(experiment, device, speeds, threads=1, processes=speeds.cores, data=data)
    better = spread is not None and spread.measured and spread.seconds < found.seconds
    return spread if better else found


def _cells(experiment: Experiment) -> tuple[list[Experiment], int]:
    """The combinations to price, and how many networks each stands for."""
    count = grid.member_count(experiment)
    if count > MANY:
        first = {name: values[0] for name, values in experiment.axes.items()}
        return [grid.with_values(experiment, first)], count
    groups = grid.groups(experiment.model_copy(update={"seeds": 1}))
    cells = [grid.with_values(experiment, group.axis_values) for group in groups]
    return cells, len(experiment.seed_list)


def _stacks(
    cells: Sequence[Experiment], share: int, known: Taken | None
) -> dict[str, footprint.Stack] | None:
    """Networks that train together, `share` for each cell; None where a shape is unknown."""
    found: dict[str, footprint.Stack] = {}
    for cell in cells:
        data = known or taken(cell.dataset)
        if data is None:
            return None
        timeline = Timeline(cell, trained_on(cell.dataset, data.train))
        shape = Shape.taken(cell, data, timeline.phases[0].batch_size)
        name = f"{shape}|{timeline.phases}|{data}"
        if name in found:
            found[name].add(cell, share)
        else:
            found[name] = _stack(cell, data, timeline, share)
    return found


def _stack(cell: Experiment, data: Taken, timeline: Timeline, share: int) -> footprint.Stack:
    shape = (cell.model, data.image, data.features, data.classes)
    made = footprint.Stack(
        cell, data, timeline, parameter_count(*shape), len(timeline.evaluations())
    )
    made.add(cell, share)
    return made


@dataclass
class _Clock:
    """Seconds of stacks, by what was measured here where that tells."""

    device: str
    speeds: Speeds
    threads: int | None
    processes: int
    measured: bool = field(default=True, init=False)

    def stack(self, stack: footprint.Stack) -> float:
        """Seconds of one stack, its evaluations and instruments included."""
        members = 1 if alone(stack.cell.model) else stack.members
        times = stack.members // members
        training = sum(
            phase.updates * (self.update(stack, phase.batch_size, members) + BETWEEN_SECONDS)
            for phase in stack.timeline.phases
        )
        examples = stack.data.train + stack.data.validation + stack.data.test
        each = examples * members * self.example(stack, members) + EVALUATION_SECONDS
        trained = times * (training + stack.evaluations * each)
        return trained + self.instruments(stack, trained)

    def update(self, stack: footprint.Stack, batch_size: int, members: int) -> float:
        """Seconds of one update of `members` networks."""
        shape = Shape.taken(stack.cell, stack.data, batch_size)
        found = self.speeds.update_seconds(shape, members, self.threads, self.processes)
        if found is None:
            self.measured = False
            work = 3 * _work(stack) * batch_size * members
            return OVERHEAD[self.device] + work / SPEED[self.device]
        return found

    def example(self, stack: footprint.Stack, members: int) -> float:
        """Seconds of evaluating one example of one network."""
        shape = Shape.taken(stack.cell, stack.data)
        found = self.speeds.example_seconds(shape, members, self.threads, self.processes)
        return found if found is not None else _work(stack) / SPEED[self.device]

    def instruments(self, stack: footprint.Stack, trained: float) -> float:
        """Seconds of the instruments: their share, and those of a cadence of their own."""
        spec = stack.cell.instruments
        own = {name: spec.settings_of(name) for name in spec.names}
        spent = spec.share * trained if any(s.cadence == "auto" for s in own.values()) else 0.0
        data = stack.data
        work = Workload(data.train, data.validation, stack.parameters, data.classes)
        batch = stack.timeline.phases[0].batch_size
        a_pass = self.update(stack, batch, stack.members) / batch
        for name, settings in own.items():
            if settings.cadence != "auto":
                turns = 1 + stack.timeline.epochs / settings.cadence
                turns = min(turns, 1 if instrument(name).once else stack.evaluations)
                spent += turns * instrument(name).cost(settings, work) * a_pass
        return spent


def _work(stack: footprint.Stack) -> int:
    data = stack.data
    return multiply_adds(stack.cell.model, data.image, data.features, data.classes)


def _baseline_seconds(experiment: Experiment, stacks: Sequence[footprint.Stack]) -> float:
    each = sum(
        stack.members * (BASELINE_SECONDS + BASELINE_PAIR_SECONDS * stack.data.train**2)
        for stack in stacks
    )
    return len(experiment.baselines.names) * each
