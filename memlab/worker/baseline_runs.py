"""Baselines on the members' data, after the training; kept in the run's `baselines.json`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from memlab.baselines.registry import find, reach
from memlab.data.corruption import Corrupted
from memlab.errors import InvalidExperiment
from memlab.experiment.grid import Member
from memlab.experiment.material_spec import PARITY, PARITY_DEGREE
from memlab.experiment.spec import Experiment
from memlab.instruments.taps import UncoveredLayer
from memlab.runs.baselines import read_baselines, write_baselines
from memlab.runs.run_folder import RunFolder
from memlab.training.plan import StackPlan
from memlab.worker.material import Material
from memlab.worker.member_network import MemberNetwork, Networks


def measure_baselines(
    folder: RunFolder,
    members: Sequence[Member],
    names: Sequence[str],
    material: Material,
    stacks: Sequence[StackPlan],
    between: Callable[[str], bool],
) -> bool:
    """Fits each baseline to each member's data and writes what it reached, member by member.

    What the file has already is not done again; members with the same data share one fit, unless
    it is of their network.
    `between` is told what comes next and says whether to go on; so does this.

    Raises:
        StorageError: if the file cannot be written.
    """
    rows = read_baselines(folder)
    done = {(row["member"], row["name"]) for row in rows}
    same: dict[tuple[int, str, int | None], dict[str, Any]] = {}
    networks = Networks(folder.checkpoints, list(stacks))
    for member in members:
        data = material.corrupted(member)
        shapes = material.shapes(member)
        for name in names:
            if (member.index, name) in done:
                continue
            if not between(f"{name} on the data of member {member.index + 1} of {len(members)}"):
                return False
            key = (id(data), name, member.index if find(name).of_network else None)
            if key not in same:
                own = data.of_own()
                network = MemberNetwork(networks, member, shapes, own)
                same[key] = _reached(name, own, member, network)
            rows.append({"member": member.index, "name": name, **same[key]})
        write_baselines(folder, rows)
    return True


def _reached(name: str, data: Corrupted, member: Member, network: MemberNetwork) -> dict[str, Any]:
    try:
        classes, degree = network.shapes.classes, _degree(member.experiment)
        found = asdict(reach(name, data, classes, member.seed, degree, network))
    except (InvalidExperiment, UncoveredLayer, MemoryError) as error:
        return {"failed": str(error) or "out of memory"}
    found["chosen"] = dict(found["chosen"])
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in found.items()}


def _degree(experiment: Experiment) -> int | None:
    asked, data = experiment.baselines.degree, experiment.dataset
    if asked is None and data.name == PARITY:
        return data.degree or PARITY_DEGREE
    return asked
