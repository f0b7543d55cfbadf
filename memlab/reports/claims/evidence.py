"""What a claim may look at: the finished runs of its presets, the seeds, and the data's folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.errors import RunFolderError
from memlab.reports.claims.finished_run import Cell, FinishedRun

if TYPE_CHECKING:
    from memlab.data.corruption import Corrupted
    from memlab.data.split import Splits


@dataclass(frozen=True)
class Evidence:
    """`runs` by preset without its size; `data_folders` are looked through for datasets."""

    runs: Mapping[str, FinishedRun]
    seeds: Sequence[int]
    data_folders: Sequence[Path] = field(default=())

    def run(self, preset: str) -> FinishedRun:
        """The finished run of that preset.

        Raises:
            RunFolderError: if it is not among them.
        """
        if preset not in self.runs:
            raise RunFolderError(f"The runs of the preset {preset!r} are not there.")
        return self.runs[preset]

    def data_of(self, cell: Cell) -> list[CellData]:
        """The data that each seed of the cell was trained on, made again, [seeds].

        Raises:
            DatasetUnavailable, InvalidDataset: if the dataset is gone.
        """
        from memlab.data.registry import load
        from memlab.data.split import split

        spec = cell.experiment.dataset
        splits = split(load(spec, self.data_folders), spec)
        return [CellData(cell, splits, seed) for seed in cell.run.seeds]


@dataclass(frozen=True, eq=False)
class CellData:
    """One seed's data."""

    cell: Cell
    splits: Splits
    seed: int

    @cached_property
    def corrupted(self) -> Corrupted:
        """Corrupted by the member's own seed, as the worker does it."""
        from memlab.data.corruption import corrupt

        return corrupt(self.splits, self.cell.experiment.corruption, self.seed)
