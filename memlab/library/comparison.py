"""Runs against each other: the same seed in the same cell, paired, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.errors import RunFolderError
from memlab.estimate import Estimate, over_seeds
from memlab.experiment.grid import Group
from memlab.library.results import Table, cell_of
from memlab.numbers import number, plus_minus
from memlab.reports import table
from memlab.reports.findings import QUANTITIES
from memlab.reports.measurements import Figures, Values, measure
from memlab.runs.run import Run

#: What stands under a table of differences.
NOTE = (
    "Differences are means over the seeds that both have, ± half the 95 % t interval; * where it "
    "excludes 0, not corrected for how many are compared."
)


@dataclass(frozen=True)
class Shown:
    """A difference as people read it; `run` and `against` are ids, `clear` is an interval off 0."""

    run: str
    against: str
    cell: str
    title: str
    first: str
    other: str
    difference: str
    seeds: str
    clear: bool


def shown(found: Table) -> list[Shown]:
    """The differences of those quantities that a report's table has, in their order."""
    columns = {column.key: column for column in table.COLUMNS}
    return [
        _shown(row, columns[str(row["quantity"])]) for row in found if row["quantity"] in columns
    ]


def _shown(row: Mapping[str, Any], column: table.Shown) -> Shown:
    mean, low, high = (row[f"difference{end}"] for end in ("", "_low", "_high"))
    known = not math.isnan(low)
    most = 1 if column.epochs else 3
    made = plus_minus(Estimate(mean, low, high, row["n"]), most, zero=True)
    plus = "+" if mean > 0 and made.partition(" ")[0].strip("0.") else ""
    clear = known and (low > 0 or high < 0)
    return Shown(
        run=row["run"],
        against=row["against"],
        cell=row["cell"],
        title=column.title,
        first=number(row["against_value"], most, zero=True),
        other=number(row["value"], most, zero=True),
        difference=f"{plus}{made} {'*' if clear else ' '}",
        seeds=str(row["n"]),
        clear=clear,
    )


def remarks(runs: Sequence[Run]) -> list[str]:
    """What is needed to read the differences: how they were made, and what is not final."""
    unfinished = [run for run in runs if run.state.state != "finished"]
    return [NOTE] + [
        f"{run.id} has not finished ({run.state.state}): its figures are those so far."
        for run in unfinished
    ]


def compared(runs: Sequence[Run]) -> Table:
    """Each later run minus the first, as `memlab.compare` says.

    Raises:
        RunFolderError: if there is only one, or two have nothing to be paired by.
    """
    if len(runs) < 2:
        raise RunFolderError("A comparison needs two runs or more.")
    first, figures = runs[0], _figures(runs[0])
    rows: list[dict[str, object]] = []
    for other in runs[1:]:
        theirs = _figures(other)
        for one, two in _pairs(first, other):
            rows += _differences(first, other, (one, figures), (two, theirs))
    return Table.of(rows)


def _figures(run: Run) -> Figures:
    run.view.refresh()
    return measure(run.view.stacks, len(run.members))


def _pairs(first: Run, other: Run) -> Iterator[tuple[Group, Group]]:
    """The cells of both runs that have the same axis values; the only ones of two without axes."""
    if not set(first.experiment.seed_list) & set(other.experiment.seed_list):
        raise RunFolderError(
            f"{first.id} and {other.id} have no seed in common, so that nothing can be paired."
        )
    known = {group.label: group for group in other.groups}
    if len(first.groups) == len(other.groups) == 1:
        yield first.groups[0], other.groups[0]
        return
    common = [group for group in first.groups if group.label in known]
    if not common:
        raise RunFolderError(
            f"{first.id} and {other.id} have no cell in common: {_cells(first)} against "
            f"{_cells(other)}."
        )
    for group in common:
        yield group, known[group.label]


def _cells(run: Run) -> str:
    shown = [group.label or "one cell" for group in run.groups]
    return ", ".join(shown[:4]) + (", …" if len(shown) > 4 else "")


def _differences(
    first: Run, other: Run, one: tuple[Group, Figures], two: tuple[Group, Figures]
) -> Iterator[dict[str, object]]:
    """A row for each quantity that a seed of both has."""
    seeds, theirs = _seats(first, one[0]), _seats(other, two[0])
    shared = [seed for seed in seeds if seed in theirs]
    for name in QUANTITIES:
        mine: Values = getattr(one[1], name)[[seeds[seed] for seed in shared]]
        its: Values = getattr(two[1], name)[[theirs[seed] for seed in shared]]
        there = np.isfinite(mine) & np.isfinite(its)
        found = over_seeds((its - mine)[there])
        if not found.n:
            continue
        low, high = found.ends or (None, None)
        yield {
            "run": other.id,
            "against": first.id,
            "cell": one[0].label or "all",
            **cell_of(one[0].axis_values),
            "quantity": name,
            "value": float(its[there].mean()),
            "against_value": float(mine[there].mean()),
            "difference": found.mean,
            "difference_low": low,
            "difference_high": high,
            "n": found.n,
        }


def _seats(run: Run, group: Group) -> dict[int, int]:
    """Seed → member."""
    return dict(zip(run.experiment.seed_list, group.members, strict=True))
