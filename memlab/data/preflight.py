"""What can be found wrong with an experiment and its data before a worker is started; no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from memlab.data.registry import find, load
from memlab.data.split import Splits, left_out, split
from memlab.errors import InvalidExperiment
from memlab.experiment import architecture, grid
from memlab.experiment.schedule import trained_on
from memlab.experiment.spec import Experiment

MOST_CELLS = 1_000


def check(experiment: Experiment, folders: Sequence[Path]) -> None:
    """Refuses an experiment that its data do not allow; datasets still to be fetched are trusted.

    Raises:
        InvalidExperiment, InvalidDataset, DatasetUnavailable: in a sentence.
    """
    if grid.combinations(experiment) > MOST_CELLS:
        return
    known: dict[str, Splits | None] = {}
    for group in grid.groups(experiment.model_copy(update={"seeds": 1})):
        cell = grid.with_values(experiment, group.axis_values)
        name = cell.dataset.model_dump_json()
        if name not in known:
            known[name] = _splits(cell, folders)
        found = known[name]
        if found is not None:
            check_cell(cell, found)


def _splits(cell: Experiment, folders: Sequence[Path]) -> Splits | None:
    known = find(cell.dataset.name)
    if known.download_bytes and known.where(folders) is None:
        return None
    return split(load(cell.dataset, folders), cell.dataset)


def check_cell(cell: Experiment, splits: Splits) -> None:
    """Refuses one combination of values on data of this shape.

    Raises:
        InvalidExperiment: a batch larger than the data, a model that cannot take them, or examples
            to leave out that are none.
    """
    left_out(splits, cell.dataset)
    size = cell.optimizer.batch_size
    examples = trained_on(cell.dataset, len(splits.train.y))
    if size > examples:
        raise InvalidExperiment(
            f"optimizer.batch_size = {size} is larger than the {examples} training examples"
            f"{' of each network' if cell.dataset.partial else ''}; "
            f"use {examples} at most.",
            "optimizer.batch_size",
        )
    features = int(splits.train.x[0].size)
    architecture.check(cell.model, splits.image_shape, features, splits.classes)
