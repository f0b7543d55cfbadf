"""Our side of the bench of training: the trainer in this process, and a whole run of a worker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from memlab.bench.cases import Bench, Case, experiment_of
from memlab.bench.timing import settle
from memlab.bench.worker_run import work
from memlab.experiment import grid
from memlab.runs.plan import RunPlan
from memlab.training.arrays import StackArrays
from memlab.training.layouts import layouts
from memlab.training.plan import Group
from memlab.training.trainer import StackTrainer
from memlab.worker import planning
from memlab.worker.material import Material

#: How many times the epochs of a case a whole run has; on a GPU, whose first use takes seconds.
LONGER, LONGER_ON_A_GPU = 3, 20


def trainers(case: Case, bench: Bench) -> list[StackTrainer]:
    """The case's stacks, ready for their first update."""
    members = grid.members(experiment_of(case, bench.folder))
    material = Material([], lambda done, total: None)
    shapes = material.shapes(members[0])
    made = []
    groups, _ = planning.grouped(members, material)
    plan = one_process(groups, material)
    for stack in planning.stacks_of(groups, plan):
        parts = [material.corrupted(member) for member in stack.members]
        arrays = StackArrays.of(parts, shapes.classes, bench.device)
        made.append(StackTrainer(stack, arrays, shapes, bench.device, layout=plan.layout))
    return made


def one_process(groups: Sequence[Group], material: Material) -> RunPlan:
    """All cores to one process, which trains one stack after the other."""
    layout = layouts(planning.shape_of(groups[0], material).model)[0]
    return planning.uncut(groups, torch.get_num_threads(), layout)


def in_this_process(case: Case, bench: Bench, as_runs_do: bool = False) -> float:
    """Samples a second of one stack after the other; nothing is written.

    Evaluating, all data are measured after every epoch, which is as often as the references do it;
    `as_runs_do` before the first update too, which of an epoch or two would be half of all.
    """
    stacks = trainers(case, bench)
    settle(bench.device)
    start = time.perf_counter()
    for trainer in stacks:
        train(trainer, case.evaluates, as_runs_do)
    settle(bench.device)
    seconds = time.perf_counter() - start
    return case.members * stacks[0].examples / seconds


def train(trainer: StackTrainer, evaluates: bool, as_runs_do: bool) -> None:
    """From the first update to the last, evaluating as `in_this_process` says."""
    due = dict(trainer.plan.timeline.evaluations()) if evaluates else {}
    if not as_runs_do:
        due.pop(0, None)
    while True:
        if trainer.update in due:
            trainer.evaluate()
        if trainer.update >= trainer.plan.timeline.updates:
            return
        trainer.step()


def as_a_run(case: Case, bench: Bench) -> float:
    """Samples a second of a worker that trains and records the case as `memlab run` does.

    It trains for longer than the case says, as its first second has no repetition before it.
    """
    times = LONGER_ON_A_GPU if bench.device.type == "cuda" else LONGER
    longer = replace(case, epochs=times * case.epochs)
    done = work(bench, experiment_of(longer, bench.folder))
    return longer.members * longer.examples * longer.epochs / done.seconds
