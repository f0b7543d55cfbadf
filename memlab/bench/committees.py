"""Both sides of the bench of suspects, trained in this process: a committee, and folds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from memlab.bench.ours import one_process
from memlab.data.corruption import Corrupted
from memlab.experiment import grid
from memlab.experiment.keys import key
from memlab.experiment.spec import Experiment
from memlab.runs.committee import Judgement, judgement
from memlab.runs.label_noise import confident_class
from memlab.training.arrays import StackArrays
from memlab.training.plan import StackPlan
from memlab.training.trainer import StackTrainer
from memlab.worker import planning
from memlab.worker.committee import CommitteeRecorder, committee_recorder
from memlab.worker.material import Material


@dataclass(frozen=True)
class Folds:
    """Out-of-fold probabilities `[examples, classes]` at the end of training, the area under the
    margin of networks that had the example `[examples]`, and the seconds of the training."""

    probabilities: NDArray[np.float64]
    area: NDArray[np.float64]
    seconds: float


def judged(experiment: Experiment, device: torch.device, replicate: int) -> Judgement:
    """What the experiment's committee thinks, with seeds of this replicate; nothing is written."""
    sums = []
    for plan, material, parts in _stacks(_seeded(experiment, replicate)):
        trainer = _trainer(plan, material, parts, device)
        recorder = committee_recorder(plan, material, parts, device)
        assert recorder is not None
        _train(trainer, recorder)
        sums.append(recorder.sums())
    return judgement(sums)


def folds(experiment: Experiment, count: int, device: torch.device, replicate: int) -> Folds:
    """As many networks as the committee has, each on all folds but one of `count`.

    Networks on the same folds differ in their seeds; each `count` of them share a division.
    """
    networks = grid.member_count(experiment)
    plain = experiment.model_copy(update={"axes": {}, "seeds": max(count, networks)})
    share = plain.dataset.model_copy(update={"subset": (count - 1) / count})
    plain = _seeded(plain.model_copy(update={"dataset": share}), replicate)
    seconds = 0.0
    found: list[tuple[NDArray[np.float64], ...]] = []
    for plan, material, parts in _stacks(plain):
        examples = len(parts[0].train_given)
        own = np.stack([_fold(network, count, examples, replicate) for network in plan.indices])
        parts = [replace(part, own=mask) for part, mask in zip(parts, own, strict=True)]
        start = time.perf_counter()
        trainer = _trainer(plan, material, parts, device)
        areas, evaluations, spent = _areas(trainer, own)
        last = trainer.evaluate(margins=True, sides=True).train
        seconds += time.perf_counter() - start - spent
        assert last is not None
        assert last.sides is not None
        out = last.sides[1].cpu().numpy().astype(np.float64)
        counts = own.sum(0).astype(np.float64)
        found.append((out, (len(own) - counts)[:, None], areas, counts * evaluations))
    out, voters, area, trained = (np.sum(each, axis=0) for each in zip(*found, strict=True))
    return Folds(out / voters, area / trained, seconds)


def _seeded(experiment: Experiment, replicate: int) -> Experiment:
    count = len(experiment.seed_list)
    return experiment.model_copy(update={"seeds": [1000 * replicate + k for k in range(count)]})


def _stacks(experiment: Experiment) -> Iterator[tuple[StackPlan, Material, list[Corrupted]]]:
    members = grid.members(experiment)
    material = Material([], lambda done, total: None)
    groups, _ = planning.grouped(members, material)
    for plan in planning.stacks_of(groups, one_process(groups, material)):
        yield plan, material, [material.corrupted(member) for member in plan.members]


def _trainer(
    plan: StackPlan, material: Material, parts: Sequence[Corrupted], device: torch.device
) -> StackTrainer:
    shapes = material.shapes(plan.members[0])
    return StackTrainer(plan, StackArrays.of(parts, shapes.classes, device), shapes, device)


def _train(trainer: StackTrainer, recorder: CommitteeRecorder) -> None:
    due = dict(trainer.plan.timeline.evaluations())
    while True:
        if trainer.update in due:
            found = trainer.evaluate(outcomes=True, sides=True)
            recorder.take(found, due[trainer.update], trainer.active)
        if trainer.update >= trainer.plan.timeline.updates:
            return
        trainer.step()


def _areas(trainer: StackTrainer, own: NDArray[np.bool_]) -> tuple[NDArray[np.float64], int, float]:
    """Sum of margins over evaluations and networks that had the example, evaluations, seconds.

    The seconds are those of evaluating, which no other reference needs.
    """
    due = dict(trainer.plan.timeline.evaluations())
    total, count, spent = np.zeros(own.shape[1]), 0, 0.0
    while True:
        if trainer.update in due and trainer.update > 0:
            start = time.perf_counter()
            found = trainer.evaluate(margins=True).train
            assert found is not None
            assert found.margins is not None
            total += (found.margins.cpu().numpy() * own).sum(0)
            count += 1
            spent += time.perf_counter() - start
        if trainer.update >= trainer.plan.timeline.updates:
            return total, count, spent
        trainer.step()


def _fold(network: int, count: int, examples: int, replicate: int) -> NDArray[np.bool_]:
    """What a network is trained on: all but its fold, as many for each network."""
    division, fold = divmod(network, count)
    order = key(replicate, "bench folds", division).permutation(examples)
    mask = np.ones(examples, np.bool_)
    size = -(-examples // count)
    start = min(fold * size, examples - size)  # the last fold takes some of the one before
    mask[order[start : start + size]] = False
    return mask


def off_diagonal(probabilities: NDArray[np.float64], given: NDArray[np.int64]) -> int:
    """How many labels confident learning counts under another class."""
    found = confident_class(probabilities, given)
    return int(((found >= 0) & (found != given)).sum())
