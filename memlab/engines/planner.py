"""Which plan a new run gets: stack width × threads × processes, whichever was measured fastest.

Speeds come from the machine's store. Where it does not know a shape, and the run is long enough
for that to pay, the candidates are tried first (`trials.py`) and the store remembers them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapreplace

import torch

from memlab.cores import usable_cores
from memlab.experiment import architecture
from memlab.experiment.architecture import multiply_adds
from memlab.experiment.device_memory import batch_bytes
from memlab.experiment.speeds import Shape, Speeds
from memlab.runs.plan import CONTIGUOUS, PADDED, Layout, RunPlan
from memlab.training.layouts import layouts
from memlab.training.plan import MAX_STACK_PARAMETERS, Group, cut
from memlab.worker.planning import uncut

#: The user's word on how many training processes a run may have; 1 for a single one.
PROCESSES = "MEMLAB_PROCESSES"
#: Stack widths that are tried; a process's whole share too where it is no wider than the first.
WIDTHS = (256, 128, 64, 32, 16, 8)
#: A run that is expected to take fewer seconds is not worth trials; trials take about two.
WORTH_TRIALS = 12.0
#: Several processes have to save this share of the time, and this many seconds: two, with a stack
#: each, took 0.07 more than one with both for a moment's training (AMD EPYC, two busy cores).
GAIN, LEAST_SECONDS = 0.08, 0.1
#: Multiply-adds of an update of one network up to which a GPU trains convolutional networks faster
#: side by side, and bytes that their activations may take together: on an H100 18 took 0.11 of the
#: time one after another at 4·10⁶, 8 took 0.48 at 3·10⁸, 18 took 0.70 at 10⁹, 8 residual networks
#: 0.96 at 5·10⁹, and 8 Inceptions 1.44 at 3·10⁹ (torch 2.11, float32).
GPU_SIDE_BY_SIDE, GPU_BYTES = 1_000_000_000, 2 << 30
#: Multiply-adds a second and process where nothing was measured: for what is worth measuring.
ASSUMED_SPEED = 2e10


@dataclass(frozen=True)
class Candidate:
    """A way to train: stacks of at most `width` on `processes` × `threads`."""

    width: int
    processes: int
    threads: int
    layout: Layout = CONTIGUOUS


Trials = Callable[[Group, Sequence[Candidate]], Speeds]


def chosen(
    groups: Sequence[Group],
    shapes: Sequence[Shape],
    speeds: Speeds,
    device: torch.device,
    cores: int,
    trials: Trials | None = None,
) -> RunPlan:
    """The plan for `groups`, each of a shape, on `cores` of the processor or one GPU.

    `trials` measures candidates for one group and gives the speeds known then.
    """
    heaviest = max(range(len(groups)), key=lambda at: _work(groups[at], shapes[at]))
    layout = layouts(shapes[heaviest].model)[0]
    if device.type != "cpu":
        widths = [group.widest for group in groups]
        if device.type == "cuda":
            widths = [_gpu_width(g, shape) for g, shape in zip(groups, shapes, strict=True)]
        side_by_side = any(w > g.widest for g, w in zip(groups, widths, strict=True))
        if layout == PADDED or side_by_side:  # grouped convolutions are contiguous
            layout = CONTIGUOUS
        return uncut(groups, torch.get_num_threads(), layout, widths)
    asked = os.environ.get(PROCESSES, "")
    most = min(cores, int(asked)) if asked.isdigit() and int(asked) else cores
    if most == 1:
        return uncut(groups, cores, layout)
    candidates = list(_candidates(groups[heaviest], cores, most, layout))
    known = speeds.known(shapes[heaviest])
    total = sum(_work(group, shape) for group, shape in zip(groups, shapes, strict=True))
    if not known and trials is not None and total / ASSUMED_SPEED > WORTH_TRIALS:
        speeds = trials(groups[heaviest], candidates)
    return _best(groups, shapes, speeds, candidates, uncut(groups, cores, layout))


def _gpu_width(group: Group, shape: Shape) -> int:
    """How many of a group stand in one stack: `widest`, or more where a GPU gains by it."""
    if not group.images or shape.model.name not in architecture.WIDTHS:
        return group.widest
    batches = {phase.batch_size for phase in group.timeline.phases}
    tally = architecture.count(shape.model, shape.image, shape.features, shape.classes)
    if tally.multiply_adds * max(batches) > GPU_SIDE_BY_SIDE:
        return 1
    each = batch_bytes(group.members[0].experiment, tally, batches)
    room = min(GPU_BYTES // max(1, each), MAX_STACK_PARAMETERS // max(1, group.parameters))
    return max(1, min(len(group.members), room))


def _best(
    groups: Sequence[Group],
    shapes: Sequence[Shape],
    speeds: Speeds,
    candidates: Sequence[Candidate],
    plain: RunPlan,
) -> RunPlan:
    """The fastest candidate's plan; that of a single process unless another is clearly faster.

    On a busy machine several threads cannot be timed: then the fastest of what could be is taken.
    """
    others = [spread(groups, candidate) for candidate in candidates]
    priced = [(_seconds(plan, groups, shapes, speeds), plan) for plan in (plain, *others)]
    known = [(seconds, plan) for seconds, plan in priced if seconds is not None]
    if not known:
        return plain
    best, found = min(known, key=lambda entry: entry[0])
    least = priced[0][0]
    enough = least is None or best < least * (1 - GAIN) - LEAST_SECONDS
    return found if enough else plain


def spread(groups: Sequence[Group], candidate: Candidate) -> RunPlan:
    """All groups cut so that every process has its share of each, in stacks no wider than asked."""
    parts: list[tuple[int, ...]] = []
    for group in groups:
        share = -(-len(group.members) // candidate.processes)
        most = max(1, min(candidate.width, group.widest, share))
        stacks = -(-len(group.members) // most)
        rounds = -(-stacks // candidate.processes) * candidate.processes
        parts += cut(group, -(-len(group.members) // min(rounds, len(group.members))))
    processes = min(candidate.processes, len(parts))
    return RunPlan(tuple(sorted(parts)), processes, candidate.threads, candidate.layout)


def _candidates(group: Group, cores: int, most: int, layout: Layout) -> Iterator[Candidate]:
    """As many processes as there are cores, one with all of them, or half as many."""
    members = len(group.members)
    for processes in dict.fromkeys((most, 1, max(1, most // 2))):
        share = min(group.widest, -(-members // processes))
        whole = (share,) if share <= WIDTHS[0] else ()
        for width in (*whole, *(width for width in WIDTHS if width < share)):
            yield Candidate(width, processes, max(1, cores // processes), layout)


def _work(group: Group, shape: Shape) -> float:
    """Multiply-adds of training a group."""
    each = multiply_adds(shape.model, shape.image, shape.features, shape.classes)
    seen = group.timeline.examples_before(group.timeline.updates)
    return 3.0 * each * seen * len(group.members)


def _seconds(
    plan: RunPlan, groups: Sequence[Group], shapes: Sequence[Shape], speeds: Speeds
) -> float | None:
    """How long the plan takes; None where nothing tells. Stacks are dealt to who is free first."""
    home = {m.index: at for at, group in enumerate(groups) for m in group.members}
    evaluations = [len(group.timeline.evaluations()) for group in groups]
    known: dict[tuple[int, int], float | None] = {}

    def stack_seconds(at: int, width: int) -> float | None:
        group, shape = groups[at], shapes[at]
        update = speeds.update_seconds(shape, width, plan.threads, plan.processes)
        if update is None:
            return None
        example = speeds.example_seconds(shape, width, plan.threads, plan.processes) or 0.0
        evaluated = group.timeline.train_examples * evaluations[at] * width
        return update * group.timeline.updates + example * evaluated

    busy = [0.0] * plan.processes
    for stack in plan.stacks:
        key = home[stack[0]], len(stack)
        if key not in known:
            known[key] = stack_seconds(*key)
        seconds = known[key]
        if seconds is None:
            return None
        heapreplace(busy, busy[0] + seconds)
    return max(busy)


def cores_for(requested: object) -> int:
    """The cores that a run may use: those of this process, or as many as it was asked to take."""
    usable = usable_cores()
    asked = requested if isinstance(requested, int) and not isinstance(requested, bool) else usable
    return max(1, min(usable, asked))
