"""Trials: candidates for a plan, trained for a moment on the run's own data, side by side.

Processes are forked as they will be for the run, each trains a stack as wide as the candidate has
it, and the slowest counts: what they take from one another is in the figure.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Sequence

import torch

from memlab.engines.link import LineClosed, Link, pair
from memlab.engines.planner import Candidate
from memlab.errors import MemlabError
from memlab.experiment.grid import Member
from memlab.experiment.speeds import Measured, Shape
from memlab.training.arrays import StackArrays
from memlab.training.plan import Group, StackPlan
from memlab.training.trainer import StackTrainer
from memlab.worker.material import Material

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
    """Seconds an update and an evaluated example of a stack, the median process; None if failed."""
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
        update = _watched(trainer)
        began = time.perf_counter()
        trainer.evaluate()
        elapsed = time.perf_counter() - began
        examples = sum(
            part.labels.shape[1] for part in (arrays.train, arrays.validation, arrays.test)
        )
        link.send(update=update, example=elapsed / (examples * len(members)))
    except LineClosed:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _watched(trainer: StackTrainer) -> float:
    """Seconds an update, the mean over a moment."""
    last = trainer.plan.timeline.updates
    for _ in range(min(WARM, last - 1)):
        trainer.step()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < WATCHED and trainer.update < last:
        trainer.step()
        count += 1
    return (time.perf_counter() - began) / max(count, 1)
