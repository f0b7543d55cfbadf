"""The bench of scaling: time, memory and disk of a network against how many there are.

And against the number of examples and the width. Each point is a whole run of a worker that
evaluates at the end and keeps the last checkpoint only. Memory is what the run's processes have for
themselves at most, Python and torch included, which few networks share among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from memlab.bench.cases import Bench
from memlab.bench.timing import Row, row, tell
from memlab.bench.worker_run import work
from memlab.experiment.reading import experiment as read_experiment
from memlab.experiment.spec import Experiment

NETWORKS = (10, 30, 100, 300, 1000, 2000, 5000, 10_000)
EXAMPLES = (100, 200, 400, 700, 1200)
WIDTHS = (16, 32, 64, 128, 256)
#: What a run costs: the field of a point, its name in a row, and the unit.
COSTS = (
    ("seconds", "time", "s"),
    ("memory_bytes", "memory", "bytes"),
    ("folder_bytes", "run folder", "bytes"),
)
#: Networks where something else varies.
SOME = 30


@dataclass(frozen=True)
class Size:
    """What one run trains: networks of two hidden layers on digits."""

    networks: int
    examples: int = 700
    width: int = 64
    epochs: int = 5


@dataclass(frozen=True)
class Point:
    """A run's cost, whole: seconds, bytes of memory, bytes on disk."""

    against: str
    size: Size
    seconds: float
    memory_bytes: int
    folder_bytes: int

    @property
    def x(self) -> int:
        """Where it lies on its curve."""
        return int(getattr(self.size, self.against))

    def document(self) -> dict[str, object]:
        """For JSON; the costs are the whole run's."""
        size = asdict(self.size)
        costs = ("seconds", "memory_bytes", "folder_bytes")
        return {"against": self.against, **size, **{name: getattr(self, name) for name in costs}}


def experiment_of(size: Size) -> Experiment:
    """The run of a size."""
    tree = {
        "dataset": {"name": "digits", "train": size.examples, "validation": 200, "test": 300},
        "corruption": {"kind": "labels", "fraction": 0.4},
        "model": {"name": "mlp", "width": size.width, "depth": 2},
        "optimizer": {"batch_size": 32, "learning_rate": 0.1},
        "stop": {"epochs": size.epochs},
        "evaluation": {"every": float(size.epochs)},
        "checkpoints": {"every_seconds": 1e6, "keep": 1},
        "seeds": size.networks,
    }
    return read_experiment(tree, "bench")


def sizes(most: int, epochs: int) -> dict[str, list[Size]]:
    """The sizes of each curve; those of the first go up to `most` networks."""
    counts = sorted({*(n for n in NETWORKS if n < most), most})
    some = min(SOME, most)
    return {
        "networks": [Size(n, epochs=epochs) for n in counts],
        "examples": [Size(some, examples=n, epochs=epochs) for n in EXAMPLES],
        "width": [Size(some, width=n, epochs=epochs) for n in WIDTHS],
    }


def points(curves: dict[str, list[Size]], bench: Bench) -> list[Point]:
    """One run a size."""
    made = []
    for against, wanted in curves.items():
        for size in wanted:
            done = work(bench, experiment_of(size))
            point = Point(against, size, done.seconds, done.memory, done.bytes_on_disk)
            made.append(point)
            tell(f"{point.x:,} {against}: {done.seconds:.2f} s")
    return made


def rows(found: Sequence[Point]) -> list[Row]:
    """What a network costs among so many, beside what it costs among the next fewer."""
    made: list[Row] = []
    for before, after in pairwise(p for p in found if p.against == "networks"):
        for cost, what, unit in COSTS:
            ours, theirs = (getattr(p, cost) / p.size.networks for p in (after, before))
            case = f"{what} a network, of {after.x:,}: of {before.x:,}"
            made.append(row(case, [ours], [theirs], unit))
    return made
