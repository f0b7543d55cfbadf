"""Baselines on the members' data, after the training; kept in the run's `baselines.json`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from memlab.baselines.registry import reach
from memlab.errors import InvalidExperiment
from memlab.experiment.grid import Member
from memlab.runs.baselines import read_baselines, write_baselines
from memlab.runs.run_folder import RunFolder
from memlab.worker.material import Material


def measure_baselines(
    folder: RunFolder,
    members: Sequence[Member],
    names: Sequence[str],
    material: Material,
    between: Callable[[str], bool],
) -> bool:
    """Fits each baseline to each member's data and writes what it reached, member by member.

    What the file has already is not done again; members with the same data share one fit.
    `between` is told what comes next and says whether to go on; so does this.

    Raises:
        StorageError: if the file cannot be written.
    """
    rows = read_baselines(folder)
    done = {(row["member"], row["name"]) for row in rows}
    same: dict[tuple[int, str], dict[str, Any]] = {}
    for member in members:
        data = material.corrupted(member)
        classes = material.shapes(member).classes
        for name in names:
            if (member.index, name) in done:
                continue
            if not between(f"{name} on the data of member {member.index + 1} of {len(members)}"):
                return False
            key = (id(data), name)
            if key not in same:
                same[key] = _reached(name, data.of_own(), classes, member.seed)
            rows.append({"member": member.index, "name": name, **same[key]})
        write_baselines(folder, rows)
    return True


def _reached(name: str, data: Any, classes: int, seed: int) -> dict[str, Any]:
    try:
        found = asdict(reach(name, data, classes, seed))
    except (InvalidExperiment, MemoryError) as error:
        return {"failed": str(error) or "out of memory"}
    found["chosen"] = dict(found["chosen"])
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in found.items()}
