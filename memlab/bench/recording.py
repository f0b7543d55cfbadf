"""The bench of recording: what a run's folder, and those who watch it, cost the training.

Recorded and unrecorded are trained in this process by turns, with the same evaluations; watched and
unwatched are whole runs of a worker. A ratio of 0.97 is 3 % of speed lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from memlab.bench import viewers
from memlab.bench.cases import Bench, Case, experiment_of
from memlab.bench.ours import in_this_process, one_process
from memlab.bench.timing import Contest, Row, held, seconds
from memlab.bench.worker_run import Beside, home, work
from memlab.experiment import grid
from memlab.experiment.reading import to_toml
from memlab.runs import run_folder
from memlab.runs.event_log import EventLog
from memlab.settings import prepared, runs_folder
from memlab.training.plan import StackPlan
from memlab.worker import planning
from memlab.worker.material import Material
from memlab.worker.recorder import ProgressTable
from memlab.worker.shard import Shard, Work

#: Long enough for the final checkpoint, and for viewers to be there before the first update.
CASES = (
    Case(32, "mlp", 64, 128, 30, evaluates=True),
    Case(18, "mlp", 256, 128, 10, evaluates=True),
)


def recorded(case: Case, bench: Bench) -> float:
    """Samples a second of one stack after the other with all that a run folder holds of them."""
    experiment = experiment_of(case, bench.folder)
    runs = prepared(runs_folder(home(bench)))
    folder, lock = run_folder.create(runs, "recorded", to_toml(experiment), {})
    members = grid.members(experiment)
    material = Material([], lambda done, total: None)
    groups, parameters = planning.grouped(members, material)
    plan = one_process(groups, material)
    stacks = planning.stacks_of(groups, plan)
    work = Work(folder, experiment, members, stacks, parameters, material, plan)
    total = case.members * case.examples * case.epochs
    with lock, EventLog(folder.events) as events:
        told = _Told(events, ProgressTable(folder.series, total), stacks)
        spent = 0.0
        for stack in stacks:
            shard = Shard(work, bench.device, told)
            spent += seconds(partial(shard.train, stack, lambda: True), bench.device)
    return total / spent


@dataclass(frozen=True)
class _Told:
    """Writes what a shard tells, as the leader of a run does."""

    events: EventLog
    table: ProgressTable
    stacks: Sequence[StackPlan]

    def append(self, type: str, /, **data: object) -> None:
        self.events.append(type, **data)

    def progress(self, stack: int, update: int, done_examples: int, last: bool = False) -> None:
        self.table.append(self.stacks[stack], update, done_examples)


def watched(case: Case, bench: Bench, viewer: Beside | None) -> float:
    """Samples a second of a worker, with a viewer that is there before it begins."""
    done = work(bench, experiment_of(case, bench.folder), viewer)
    return case.members * case.examples * case.epochs / done.seconds


def rows(
    repetitions: int, bench: Bench, cases: tuple[Case, ...] = CASES, app: bool = True
) -> list[Row]:
    """A row for recording and one for each kind of viewer; ours is recorded, or watched."""
    made: list[Row] = []
    for case in cases:
        bare = partial(in_this_process, case, bench, as_runs_do=True)
        both = Contest(case.name, partial(recorded, case, bench), {"recorded, against bare": bare})
        made += held(both, repetitions)
    kinds: list[tuple[str, Beside]] = [("watch --plain", viewers.plain)]
    if app:
        kinds.append(("the app", viewers.app))
    for name, viewer in kinds:
        unseen = {f"watched by {name}, against unwatched": partial(watched, cases[0], bench, None)}
        seen = partial(watched, cases[0], bench, viewer)
        made += held(Contest(f"{cases[0].name}, a run", seen, unseen, cold=True), repetitions)
    return made
