"""Finished runs as claims see them: cells of the grid, and for each seed what it measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memlab.claims.claim import Claim
from memlab.claims.replicates import replicates_of
from memlab.errors import RunFolderError
from memlab.experiment import grid
from memlab.experiment.metrics import TRAIN_ACCURACY, TRAIN_LOSS, VALIDATION_ACCURACY
from memlab.experiment.spec import Experiment
from memlab.runs.baselines import read_baselines
from memlab.runs.run import Run, opened
from memlab.runs.run_folder import RunFolder

Values = NDArray[np.float64]
SPLITS: Final = "dataset.split_seed"


def splits_of(experiment: Experiment) -> list[int] | None:
    """The splits that an axis of the experiment goes over, each once; None where none does.

    An axis over the whole of `dataset` has a `split_seed` in each of its tables.
    """
    if SPLITS in experiment.axes:
        return [int(split) for split in experiment.axes[SPLITS]]
    tables = [one for one in experiment.axes.get("dataset", ()) if isinstance(one, Mapping)]
    found = [int(one["split_seed"]) for one in tables if "split_seed" in one]
    return list(dict.fromkeys(found)) or None


@dataclass(frozen=True, eq=False)
class Series:
    """One member's values of one metric at its evaluations, all [evaluations]."""

    epoch: Values
    update: Values
    values: Values

    @property
    def final(self) -> float:
        """The last value; NaN where the member diverged or has none."""
        return float(self.values[-1]) if len(self.values) else float("nan")

    def reaches(self, level: float) -> float:
        """The first epoch at which the value is at least `level`; NaN for never."""
        found = np.flatnonzero(self.values >= level)
        return float(self.epoch[found[0]]) if len(found) else float("nan")

    def falls_to(self, level: float) -> float:
        """The first epoch at which the value is at most `level`; NaN for never."""
        found = np.flatnonzero(self.values <= level)
        return float(self.epoch[found[0]]) if len(found) else float("nan")

    def crossing(self, level: float) -> float:
        """The epoch at which the value first falls to `level`, interpolated; NaN for never.

        Values are interpolated on a scale of logarithms, as losses fall.
        """
        after = np.flatnonzero(self.values <= level)
        if not len(after) or after[0] == 0:
            return float("nan")
        i = int(after[0])
        high, low = np.log(self.values[i - 1]), np.log(max(self.values[i], 1e-300))
        part = (high - np.log(level)) / (high - low)
        return float(self.epoch[i - 1] + part * (self.epoch[i] - self.epoch[i - 1]))

    def between(self, epoch: float) -> float:
        """The value at `epoch`, interpolated between finite ones; NaN outside of them."""
        known = np.isfinite(self.values)
        if not known.any():
            return float("nan")
        found = np.interp(epoch, self.epoch[known], self.values[known], left=np.nan, right=np.nan)
        return float(found)

    def at(self, epoch: float) -> float:
        """The value at the last evaluation not after `epoch`; NaN where there is none."""
        found = np.flatnonzero(self.epoch <= epoch + 1e-9)
        return float(self.values[found[-1]]) if len(found) else float("nan")


@dataclass(frozen=True, eq=False)
class Cell:
    """One combination of axis values; its members are one per seed, in the order of the seeds."""

    run: FinishedRun
    experiment: Experiment
    label: str
    members: tuple[int, ...]

    def series(self, metric: str) -> list[Series]:
        """The metric of each seed; `NAME.QUANTITY` is a scalar quantity of an instrument."""
        return [self.run.series(metric, member) for member in self.members]

    def table(self, metric: str) -> tuple[Values, Values]:
        """Epochs [points] and values [replicates, points], cut at the shortest seed."""
        found = self.series(metric)
        length = min(len(one.epoch) for one in found)
        return found[0].epoch[:length], np.array([one.values[:length] for one in found])

    def final(self, metric: str) -> Values:
        """The last value of each seed, [replicates]; NaN where the network diverged.

        An instrument's table keeps what it measured before that.
        """
        found = np.array([one.final for one in self.series(metric)])
        if "." not in metric:
            return found
        lost = np.isnan([one.final for one in self.series(TRAIN_LOSS)])
        return np.where(lost, np.nan, found)

    def reaches(self, metric: str, level: float, otherwise: Values | None = None) -> Values:
        """The epoch at which each reaches `level`, [replicates]; NaN or `otherwise` for never."""
        found = np.array([one.reaches(level) for one in self.series(metric)])
        return found if otherwise is None else np.where(np.isnan(found), otherwise, found)

    def at_loss(self, metric: str, loss: float) -> Values:
        """The metric of each where its train loss falls to `loss`, interpolated, [replicates]."""
        pairs = zip(self.series(TRAIN_LOSS), self.series(metric), strict=True)
        return np.array([wanted.between(losses.crossing(loss)) for losses, wanted in pairs])

    def baseline(self, name: str, metric: str) -> Values:
        """What the baseline `name` reached on the data of each seed, [replicates].

        Raises:
            RunFolderError: if the run did not measure it.
        """
        found = self.run.baselines(name)
        if not set(self.members) <= found.keys():
            raise RunFolderError(f"The run {self.run.id} has not measured the baseline {name}.")
        values = [found[member].get(metric) for member in self.members]
        return np.array([v if isinstance(v, int | float) else np.nan for v in values], np.float64)

    def last_epoch(self) -> Values:
        """The epoch of each seed's last evaluation, [replicates]."""
        return np.array([one.epoch[-1] for one in self.series(TRAIN_ACCURACY)])

    def early_stopped(self, metric: str) -> tuple[Values, Values]:
        """Value and epoch at the evaluation of best validation accuracy, each [replicates].

        Chosen by validation, so that the best of many noisy test accuracies is not mistaken for
        a better network.
        """
        epochs, values = [], []
        for judge, wanted in zip(
            self.series(VALIDATION_ACCURACY), self.series(metric), strict=True
        ):
            best = int(np.argmax(np.nan_to_num(judge.values, nan=-1.0)))
            epochs.append(judge.epoch[best])
            values.append(wanted.values[best])
        return np.array(values), np.array(epochs)


class FinishedRun:
    """The tables of one run, read when asked for."""

    def __init__(self, run: RunFolder | Run) -> None:
        """Opens the run.

        Raises:
            RunFolderError, InvalidExperiment: if it cannot be read.
        """
        self.run = opened(run)
        self.folder = self.run.folder
        self.experiment = self.run.experiment
        self.seeds = self.experiment.seed_list
        self._view = self.run.view
        self.cells = tuple(
            Cell(
                self,
                grid.with_values(self.experiment, group.axis_values),
                group.label,
                group.members,
            )
            for group in self.run.groups
        )

    @property
    def replicates(self) -> list[int]:
        """Its units of replication: the splits of an axis over them, else the seeds."""
        return splits_of(self.experiment) or list(self.seeds)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.id

    def only(self, replicates: Sequence[int]) -> FinishedRun:
        """The run as if it had been made of these replicates alone; those it lacks stay away.

        Of a run with an axis over splits those are its splits, else its seeds.
        """
        wanted = set(replicates)
        made = copy(self)
        if splits_of(self.experiment) is not None:
            kept = [c for c in self.cells if c.experiment.dataset.split_seed in wanted]
            made.cells = tuple(replace(cell, run=made) for cell in kept)
            return made
        places = [place for place, seed in enumerate(self.seeds) if seed in wanted]
        if len(places) == len(self.seeds):
            return self
        made.seeds = [self.seeds[place] for place in places]
        made.cells = tuple(
            replace(cell, run=made, members=tuple(cell.members[place] for place in places))
            for cell in self.cells
        )
        return made

    def where(self, holds: Callable[[Experiment], bool]) -> tuple[Cell, ...]:
        """The cells whose experiment has the property, in the order of the axes."""
        return tuple(cell for cell in self.cells if holds(cell.experiment))

    def cell(self, holds: Callable[[Experiment], bool]) -> Cell:
        """The one cell with the property.

        Raises:
            RunFolderError: if there is not exactly one: the preset lacks what a claim needs.
        """
        found = self.where(holds)
        if len(found) != 1:
            raise RunFolderError(
                f"The run {self.id} has {len(found)} groups of networks where a claim needs one."
            )
        return found[0]

    def series(self, metric: str, member: int) -> Series:
        """One member's values; empty where it has no table.

        Raises:
            RunFolderError: if the run has no such metric.
        """
        seat = self._view.seats.get(member)
        if seat is None:
            raise RunFolderError(f"The run {self.id} has no measurements of its network {member}.")
        epoch, update, values = self.run.column(seat.stack, metric)
        return Series(epoch, update, values[:, seat.column])

    def baselines(self, name: str) -> dict[int, dict[str, Any]]:
        """What the baseline `name` reached, by member."""
        rows = read_baselines(self.folder)
        return {row["member"]: row for row in rows if row["name"] == name}

    def updates(self, cell: Cell) -> Values:
        """Updates that each seed made, [replicates]."""
        return np.array([one.update[-1] for one in cell.series(TRAIN_ACCURACY)])

    def facts(self) -> tuple[int, int]:
        """Training examples and classes, from the first stack's event."""
        for event in self.run.events:
            if event.type == "stack-started":
                examples, classes = event.data.get("train_examples"), event.data.get("classes")
                if isinstance(examples, int) and isinstance(classes, int):
                    return examples, classes
        raise RunFolderError(f"The run {self.id} does not say what data it has.")

    def seconds(self) -> float:
        """What its workers took, as its report says; 0 where that is not known."""
        return self._view.worked_seconds or 0.0


@dataclass(frozen=True)
class Evidence:
    """`runs` by preset without its size, and the replicates that they are measured on."""

    runs: Mapping[str, FinishedRun]
    replicates: Sequence[int]

    def run(self, preset: str) -> FinishedRun:
        """The finished run of that preset.

        Raises:
            RunFolderError: if it is not among them.
        """
        if preset not in self.runs:
            raise RunFolderError(f"The runs of the preset {preset!r} are not there.")
        return self.runs[preset]

    def of(self, claim: Claim) -> Evidence:
        """What that claim sees: as many replicates as it needs, whatever the runs have besides."""
        own = replicates_of(claim.least, self.replicates)
        return Evidence({preset: run.only(own) for preset, run in self.runs.items()}, own)
