"""Straight lines between networks that parted at a fork (Frankle 2020, arXiv 1912.05671).

Measured after the training, from the newest checkpoints: two networks of a pair need not have been
in one stack. Running statistics of batch normalization are interpolated like parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from memlab.data.corruption import Corrupted
from memlab.errors import InvalidExperiment
from memlab.experiment.grid import Member
from memlab.models import StackedModel, build
from memlab.runs.lines import Line, read_lines, write_lines
from memlab.runs.run_folder import RunFolder
from memlab.training.loss import example_losses
from memlab.training.plan import StackPlan
from memlab.worker.material import Material
from memlab.worker.member_network import Networks

#: Examples that go through the networks of all points at once.
CHUNK = 512


def pairs(members: Sequence[Member]) -> list[tuple[Member, Member]]:
    """Those that share seed and settings, up to the seed of their forks."""
    groups: dict[str, list[Member]] = {}
    for member in members:
        made = member.experiment
        if made.fork.noise_seed is None:
            continue
        trunk = made.model_copy(update={"fork": made.fork.model_copy(update={"noise_seed": None})})
        groups.setdefault(f"{member.seed} {trunk.model_dump_json()}", []).append(member)
    return [pair for group in groups.values() for pair in combinations(group, 2)]


def measure_lines(
    folder: RunFolder,
    members: Sequence[Member],
    points: int,
    material: Material,
    stacks: Sequence[StackPlan],
    between: Callable[[str], bool],
) -> bool:
    """Measures the line between each pair and keeps it, pair by pair; see `measure_baselines`.

    A pair of which a network was not kept is left out.

    Raises:
        StorageError: if the file cannot be written.
        RunFolderError: if there is one that is damaged.
    """
    networks, found = Networks(folder.checkpoints, list(stacks)), read_lines(folder)
    done = {(line.member, line.other) for line in found}
    for one, other in pairs(members):
        if (one.index, other.index) in done:
            continue
        if not between(f"the line from member {one.index + 1} to {other.index + 1}"):
            return False
        shapes = material.shapes(one)
        try:
            ends = [networks.trained(member, shapes) for member in (one, other)]
        except InvalidExperiment:
            continue
        loss = one.experiment.loss.name
        curves = on_line(ends[0], ends[1], points, material.corrupted(one).of_own(), loss)
        found.append(Line(one.index, other.index, *curves))
        write_lines(folder, found)
    return True


@torch.no_grad()
def on_line(
    one: StackedModel, other: StackedModel, points: int, data: Corrupted, loss: str
) -> list[tuple[float, ...]]:
    """Accuracy and loss on the training part, then on the test part, `[points]` each."""
    line = interpolated(one, other, points)
    curves: list[tuple[float, ...]] = []
    for x, y in ((data.train_x, data.train_given), (data.test_x, data.test_y)):
        right, lost = torch.zeros(points).double(), torch.zeros(points).double()
        for start in range(0, len(y), CHUNK):
            labels = torch.from_numpy(np.asarray(y[start : start + CHUNK], np.int64))
            logits = line(torch.from_numpy(x[start : start + CHUNK])[None])
            right += (logits.argmax(-1) == labels).double().sum(1)
            expanded = labels.expand(points, -1)
            lost += example_losses(loss, logits, expanded).double().sum(1)
        curves += [tuple((total / len(y)).tolist()) for total in (right, lost)]
    return curves


def interpolated(one: StackedModel, other: StackedModel, points: int) -> StackedModel:
    """A stack of `points` networks from `one` to `other`, each a stack of one."""
    shape = one.shape
    line = build(
        one.spec,
        members=points,
        image_shape=shape.image,
        features=shape.features,
        classes=shape.classes,
    )
    start, end = one.state_dict(), other.state_dict()
    line.load_state_dict({name: _between(start[name], end[name], points) for name in start})
    line.start_at(one)
    return line


def _between(start: Tensor, end: Tensor, points: int) -> Tensor:
    if not start.is_floating_point():
        return start.expand(points, *start.shape[1:])
    share = torch.linspace(0, 1, points, dtype=torch.float64).view(-1, *([1] * (start.dim() - 1)))
    return torch.lerp(start.double(), end.double(), share).to(start.dtype)
