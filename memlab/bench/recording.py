"""The bench of recording: what a run's folder, and those who watch it, cost the training.

Recorded and unrecorded are trained in this process by turns, with the same evaluations; watched and
unwatched are turns of one run of a worker. A ratio of 0.97 is 3 % of speed lost.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from memlab.bench import viewers
from memlab.bench.cases import Bench, Case, experiment_of
from memlab.bench.ours import in_this_process, one_process
from memlab.bench.timing import Contest, Row, held, row, seconds, tell
from memlab.bench.worker_run import LOOK_SECONDS, home, started
from memlab.errors import TrainingFailed
from memlab.experiment import grid
from memlab.experiment.reading import to_toml
from memlab.runs import run_folder
from memlab.runs.event_log import EventLog
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.view import PROGRESS
from memlab.settings import prepared, runs_folder
from memlab.training.plan import StackPlan
from memlab.worker import planning
from memlab.worker.material import Material
from memlab.worker.recorder import ProgressTable
from memlab.worker.shard import Shard, Work

#: Long enough for the final checkpoint.
CASES = (
    Case(32, "mlp", 64, 128, 60, evaluates=True),
    Case(18, "mlp", 256, 128, 20, evaluates=True),
)
#: Never ends by itself.
LONG = Case(32, "mlp", 64, 128, 20_000, evaluates=True)
SETTLE_SECONDS = 5.0
CATCH_UP_SECONDS = 1.0
WINDOW_SECONDS = 4.0

Viewer = Callable[[RunFolder, dict[str, str]], AbstractContextManager[int]]
Points = NDArray[np.float64]


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


def watched(name: str, viewer: Viewer, pairs: int, bench: Bench, case: Case = LONG) -> Row:
    """A run whose viewer is stopped and goes on by turns: its speed with it and without.

    Both sides are one run, so that nothing differs but the viewer; its start is not counted.
    """
    tell(f"{case.name}, watched by {name} …")
    with started(bench, experiment_of(case, bench.folder)) as (folder, process):
        _done_after(0.0, folder, process)
        with viewer(folder, home(bench)) as pid:
            time.sleep(SETTLE_SECONDS)
            windows = [_window(pid, watches) for _ in range(pairs) for watches in (False, True)]
        done = _done_after(windows[-1][1], folder, process)
    speeds = [_speed(done, *window) for window in windows]
    what = f"{case.name}, a run: watched by {name}, against unwatched"
    return row(what, speeds[1::2], speeds[::2], "samples/s")


def _window(pid: int, watches: bool) -> tuple[float, float]:
    """Lets the viewer look, or not, for a while: from when to when."""
    os.kill(pid, signal.SIGCONT if watches else signal.SIGSTOP)
    time.sleep(CATCH_UP_SECONDS)  # with what came while it was stopped
    start = time.time()
    time.sleep(WINDOW_SECONDS)
    return start, time.time()


def _done_after(moment: float, folder: RunFolder, process: subprocess.Popen[bytes]) -> Points:
    """When how many examples were done, [rows, 2], once there is a row of after `moment`.

    Raises:
        TrainingFailed: if the run ends before.
    """
    while True:
        table = Run(folder).view.tables.get(PROGRESS)
        rows = table.newest(len(table)) if table is not None else None
        if rows is not None and len(rows) and rows["time"][-1] > moment:
            return np.stack([rows["time"], rows["done_examples"]], axis=1).astype(np.float64)
        if process.poll() is not None:
            raise TrainingFailed(f"A run of the bench {folder.state.state} too soon.")
        time.sleep(LOOK_SECONDS)


def _speed(done: Points, start: float, end: float) -> float:
    """Samples a second between two moments; progress is told a few times a second."""
    first, last = np.interp([start, end], done[:, 0], done[:, 1])
    return float(last - first) / (end - start)


def rows(
    repetitions: int,
    bench: Bench,
    cases: tuple[Case, ...] = CASES,
    long: Case = LONG,
    app: bool = True,
) -> list[Row]:
    """A row for recording and one for each kind of viewer; ours is recorded, or watched."""
    made: list[Row] = []
    for case in cases:
        bare = partial(in_this_process, case, bench, as_runs_do=True)
        both = Contest(case.name, partial(recorded, case, bench), {"recorded, against bare": bare})
        made += held(both, repetitions)
    kinds: list[tuple[str, Viewer]] = [("watch --plain", viewers.plain)]
    if app:
        kinds.append(("the app", viewers.app))
    return made + [watched(name, viewer, 2 * repetitions, bench, long) for name, viewer in kinds]
