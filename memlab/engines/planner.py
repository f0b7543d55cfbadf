"""Which plan a new run gets: stack width × threads × processes."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch

from memlab.runs.plan import RunPlan
from memlab.training.plan import Group, cut
from memlab.worker.planning import uncut

PROCESSES = "MEMLAB_PROCESSES"


def chosen(groups: Sequence[Group], device: torch.device, threads: int) -> RunPlan:
    """The plan for `groups` on `device`, where a single process would use `threads`."""
    asked = os.environ.get(PROCESSES, "")
    processes = int(asked) if asked.isdigit() and int(asked) else 1
    if device.type != "cpu" or processes == 1:
        return uncut(groups, threads)
    return spread(groups, processes, max(1, threads // processes))


def spread(
    groups: Sequence[Group], processes: int, threads: int, width: int | None = None
) -> RunPlan:
    """All groups cut so that every process has its share, in stacks of at most `width`."""
    parts: list[tuple[int, ...]] = []
    for group in groups:
        most = group.widest if width is None else min(width, group.widest)
        share = -(-len(group.members) // processes)
        parts += cut(group, max(1, min(most, share)))
    return RunPlan(tuple(sorted(parts)), min(processes, len(parts)), threads)
