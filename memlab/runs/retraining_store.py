"""Scores by retraining in a run folder, `examples/memorization*`, and the outcomes they rest on.

A run that goes on where another left off (more networks of the same kind) names it as `extends` in
its environment; its scores rest on the networks of both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs import documents, npy
from memlab.runs.door import Missing, Place
from memlab.runs.influence import PAIR
from memlab.runs.outcomes import Outcomes, joined, read_stacks, together
from memlab.runs.retraining import EXAMPLE, TARGET, Scores, scores_of
from memlab.runs.run import Run
from memlab.runs.run_folder import RUN_ID, RunFolder

SCHEMA = 1
FILE = "memorization.json"
EXTENDS = "extends"
#: Runs that one may stand on.
MOST_LINKED = 32
ARRAYS = {"examples": EXAMPLE, "pairs": PAIR, "targets": TARGET}


def kept(run: Run) -> bool:
    """Whether the run's experiment keeps outcomes and has networks that lack an example."""
    return run.experiment.evaluation.outcomes and _subsets(run)


def _subsets(run: Run) -> bool:
    axis = run.experiment.axes.get("dataset.subset")
    return any(share < 1 for share in (axis or [run.experiment.dataset.subset]))


def linked(run: Run) -> list[Run]:
    """The run, then the one that it extends, and so on.

    Raises:
        RunFolderError: if one of them is not beside it any more.
    """
    found = [run]
    while len(found) <= MOST_LINKED:
        name = found[-1].folder.environment().get(EXTENDS)
        if name is None:
            return found
        if not isinstance(name, str) or not re.fullmatch(RUN_ID, name):
            raise RunFolderError(f"{found[-1].id} extends a run whose name is none.")
        folder = RunFolder(run.folder.path.parent / name)
        if not folder.path.is_dir():
            raise RunFolderError(
                f"{found[-1].id} goes on from {name}, which is not there any more."
            )
        found.append(Run(folder))
    raise RunFolderError(f"{run.id} stands on more than {MOST_LINKED} runs.")


def outcomes_of(run: Run, group: int = 0) -> Outcomes:
    """The outcomes of a group's networks, those of the runs it extends among them.

    Raises:
        RunFolderError: if there are none, they are damaged, or cannot be compared.
    """
    parts = []
    for one in linked(run):
        seeds = {member.index: member.seed for member in one.members}
        members = one.groups[group].members
        found = joined(read_stacks(one.folder, members), seeds, members)
        if found is not None:
            parts.append(found)
    if not parts or not sum(part.networks for part in parts):
        raise RunFolderError(
            f"The run {run.id} kept no outcomes; `memlab memorize` makes runs that do."
        )
    return parts[0] if len(parts) == 1 else together(parts)


def recorded(run: Run, name: str, group: int = 0) -> NDArray[Any] | None:
    """What was kept once of a group's examples themselves: `pictures`, `values` or `nearest`.

    `[train + test, …]`, of the run or of one that it extends; None where nothing was.

    Raises:
        RunFolderError: if it is damaged.
    """
    for one in linked(run):
        for stack in read_stacks(one.folder, one.groups[group].members):
            if name in stack.arrays:
                return stack.arrays[name]
    return None


def settle(folder: RunFolder) -> None:
    """Estimates a finished run's scores and writes them, where its experiment is made for that.

    Raises:
        RunFolderError: if its outcomes cannot be read or compared.
        StorageError: if they cannot be written.
    """
    run = Run(folder)
    if not kept(run):
        return
    summaries = []
    for group in run.groups:
        scores = scores_of(outcomes_of(run, group.index))
        for name, dtype in ARRAYS.items():
            npy.replace(_place(folder, group.index, name), getattr(scores, name).astype(dtype))
        counts = {name: len(getattr(scores, name)) for name in ARRAYS}
        summaries.append(
            {
                "label": group.label,
                "counts": counts,
                "class_names": list(scores.class_names),
                "summary": dict(scores.summary),
            }
        )
    text = json.dumps({"schema": SCHEMA, "groups": summaries}, allow_nan=False) + "\n"
    (folder.examples / FILE).replace(text.encode())


def scores(run: Run) -> list[Scores]:
    """The scores of each group of the run, as they were written at its end; else worked out now.

    Raises:
        RunFolderError: if there are none, or they are damaged.
    """
    found = stored(run.folder)
    if found is not None:
        return found
    return [scores_of(outcomes_of(run, group.index)) for group in run.groups]


def scores_of_group(run: Run, group: int) -> Scores:
    """The scores of one group, as `scores` has them.

    Raises:
        RunFolderError: if there are none, or they are damaged.
    """
    found = stored(run.folder)
    return scores_of(outcomes_of(run, group)) if found is None else found[group]


def stored(folder: RunFolder) -> list[Scores] | None:
    """The scores as they were written at the run's end; None where they were not.

    Raises:
        RunFolderError: if they are damaged.
    """
    try:
        document = documents.read(folder.examples / FILE, documents.LARGE_BYTES, SCHEMA)
    except Missing:
        return None
    try:
        return [_read(folder, at, entry) for at, entry in enumerate(document["groups"])]
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{folder.examples / FILE} is damaged.") from error


def _read(folder: RunFolder, group: int, entry: Mapping[str, Any]) -> Scores:
    names = tuple(map(str, entry["class_names"]))
    counts = {name: int(entry["counts"][name]) for name in ARRAYS}
    arrays = {
        name: _array(_place(folder, group, name), dtype, counts[name])
        for name, dtype in ARRAYS.items()
    }
    targets, pairs = arrays["targets"], arrays["pairs"]
    for values, most in (
        (targets["given"], len(names)),
        (targets["true"], len(names)),
        (arrays["examples"]["given"], len(names)),
        (arrays["examples"]["true"], len(names)),
        (pairs["of"], counts["examples"]),
        (pairs["to"], counts["targets"]),
    ):
        if len(values) and not 0 <= int(values.min()) <= int(values.max()) < most:
            raise RunFolderError(f"{folder.examples / FILE} is damaged: values out of bounds.")
    if not isinstance(entry["summary"], dict):
        raise RunFolderError(f"{folder.examples / FILE} is damaged: it has no summary.")
    return Scores(entry["summary"], arrays["examples"], pairs, targets, names)


def _array(place: Place, dtype: np.dtype[Any], count: int) -> NDArray[np.void]:
    if count == 0:
        return np.zeros(0, dtype)
    return npy.mapped(place, dtype, (count,))


def _place(folder: RunFolder, group: int, name: str) -> Place:
    return folder.examples / f"memorization-{group:03d}-{name}.npy"
