"""The bench of recording: what a run's folder, and those who watch it, cost the training.

Recorded and unrecorded are trained in this process by turns, with the same evaluations; watched and
unwatched are whole runs of a worker. A ratio of 0.97 is 3 % of speed lost.
"""

from __future__ import annotations

from functools import partial

from memlab.bench import viewers
from memlab.bench.cases import Bench, Case, experiment_of
from memlab.bench.ours import in_this_process
from memlab.bench.timing import Contest, Row, held, seconds
from memlab.bench.worker_run import Beside, home, work
from memlab.experiment import grid
from memlab.experiment.reading import to_toml
from memlab.runs import run_folder
from memlab.runs.event_log import EventLog
from memlab.settings import prepared, runs_folder
from memlab.worker.material import Material
from memlab.worker.planning import stacks_of
from memlab.worker.recorder import MemorizedTable, ProgressTable
from memlab.worker.stack_run import StackRun, Tables

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
    stacks, _ = stacks_of(members, material)
    height, width = material.pictures(members[0]).shape[1:]
    total = case.members * case.examples * case.epochs
    tables = Tables(
        MemorizedTable(folder.series, (int(height), int(width))),
        ProgressTable(folder.series, total),
    )
    shown = frozenset(group.members[0] for group in grid.groups(experiment))
    with lock, EventLog(folder.events) as events:
        spent = 0.0
        for stack in stacks:
            run = StackRun(folder, experiment, stack, material, events, tables, bench.device, shown)
            spent += seconds(partial(run.run, lambda: True), bench.device)
            run.close()
    return total / spent


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
        bare = partial(in_this_process, case, bench)
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
