"""Trials: candidates for a plan, trained for a moment on the run's own data, side by side.

Processes are forked as they will be for the run, each trains a stack as wide as the candidate has
it, and the slowest counts: what they take from one another is in the figure. One thread is timed by
the processor's clock, several by the wall's, and those not where others had the cores meanwhile.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Sequence

import torch

from memlab.cores import waited_seconds
from memlab.engines.link import LineClosed, Link, pair
from memlab.engines.planner import Candidate
from memlab.errors import MemlabError
from memlab.experiment.grid import Member
from memlab.experiment.speeds import Measured, Shape
from memlab.training.arrays import StackArrays
from memlab.training.plan import Group, StackPlan
from memlab.training.trainer import StackTrainer
from memlab.worker.material import Material
from memlab.worker.stack_time import MOST_WAITING

#: Seconds of training that a candidate is watched for; no trial begins after `PATIENCE`.
WATCHED, PATIENCE = 0.12, 3.0
WARM = 2


def measured(
    group: Group, shape: Shape, material: Material, candidates: Sequence[Candidate]
) -> list[Measured]:
    """What each candidate took, as far as time allowed; widest first, so that it is known."""
    found: list[Measured] = []
    began = time.monotonic()
    for candidate in candidates:
        if found and time.monotonic() - began > PATIENCE:
            break
        seconds = _side_by_side(group, material, candidate)
        if seconds is not None:
            update, example = seconds
            width, threads, processes = candidate.width, candidate.threads, candidate.processes
            found.append(Measured(shape, width, threads, processes, update, example))
    return found


def _side_by_side(
    group: Group, material: Material, candidate: Candidate
) -> tuple[float, float] | None:
    """Seconds an update and an evaluated example of a stack; None where that failed."""
    links, pids = [], []
    for number in range(candidate.processes):
        ours, theirs = pair()
        members = _members(group, candidate.width, number)
        pid = os.fork()
        if pid == 0:
            _child(theirs, group, members, material, candidate)
        theirs.close()
        links.append(ours)
        pids.append(pid)
    answers = []
    try:
        for link in links:
            link.wait()  # each has its data, and all begin together
        for link in links:
            link.send(go=True)
        answers = [link.wait() for link in links]
    except MemlabError:
        return None
    finally:
        for link in links:
            link.close()
        for pid in pids:
            os.waitpid(pid, 0)
    if any(answer["update"] is None for answer in answers):
        return None
    return max(a["update"] for a in answers), max(a["example"] for a in answers)


def _members(group: Group, width: int, number: int) -> list[Member]:
    start = number * width % max(1, len(group.members) - width + 1)
    return list(group.members[start : start + width])


def _child(
    link: Link,
    group: Group,
    members: Sequence[Member],
    material: Material,
    candidate: Candidate,
) -> None:
    try:
        torch.set_num_threads(candidate.threads)
        parts = [material.corrupted(member) for member in members]
        shapes = material.shapes(members[0])
        device = torch.device("cpu")
        arrays = StackArrays.of(parts, shapes.classes, device)
        plan = StackPlan(0, tuple(members), group.timeline)
        trainer = StackTrainer(plan, arrays, shapes, device, layout=candidate.layout)
        link.send(ready=True)
        link.wait()
        clock = time.process_time if candidate.threads == 1 else time.perf_counter
        waited, began = waited_seconds(), time.perf_counter()
        update = _watched(trainer, clock)
        start = clock()
        trainer.evaluate()
        example = (clock() - start) / (_evaluated(arrays) * len(members))
        stood = (waited_seconds() - waited) / (time.perf_counter() - began) / candidate.threads
        calm = candidate.threads == 1 or stood < MOST_WAITING
        link.send(update=update if calm else None, example=example)
    except LineClosed:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _evaluated(arrays: StackArrays) -> int:
    parts = (arrays.train, arrays.validation, arrays.test)
    return sum(part.labels.shape[1] for part in parts)


def _watched(trainer: StackTrainer, clock: Callable[[], float]) -> float:
    """Seconds an update, the mean over a moment."""
    last = trainer.plan.timeline.updates
    for _ in range(min(WARM, last - 1)):
        trainer.step()
    start, began, count = clock(), time.perf_counter(), 0
    while time.perf_counter() - began < WATCHED and trainer.update < last:
        trainer.step()
        count += 1
    return (clock() - start) / max(count, 1)
