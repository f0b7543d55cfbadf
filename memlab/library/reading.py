"""From a run's tables to labelled arrays: a metric over all members, and the report's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from memlab.errors import RunFolderError
from memlab.library.results import Series, Table, cell_of, labels
from memlab.runs.recorded_files import LOGGED
from memlab.runs.run import Run
from memlab.runs.view import members_of
from memlab.spelling import closest, did_you_mean
from memlab.text import plain

if TYPE_CHECKING:
    from memlab.reports.findings import Findings

#: What of a row is about its networks; quantities follow.
ROW = ("label", "members", "finished", "diverged", "corruption_kind", "corruption_fraction")
FACTS = ("fraction_changed", "epoch", "updates", "train_examples", "parameters")


def series(run: Run, metric: str) -> Series:
    """`metric`, `INSTRUMENT.QUANTITY`, or what was logged, of every member at all evaluations.

    Raises:
        RunFolderError: if the run has not measured it, with the nearest name.
    """
    view, members = run.view, run.members
    there = metric in view.metrics or any(view.home(stack, metric) for stack in view.stacks)
    name = metric if there else logged(run).get(metric, metric)
    found = [
        (members_of(table), *run.column(stack, name))
        for stack, table in view.stacks.items()
        if view.home(stack, name) is not None
    ]
    if not found:
        raise RunFolderError(_unknown(run, metric))
    epochs = np.unique(np.round(np.concatenate([epoch for _, epoch, _, _ in found]), 9))
    shape = (len(members), len(epochs))
    updates = np.full(shape, np.nan)
    values = np.full((*shape, *found[0][3].shape[2:]), np.nan)
    for seats, epoch, update, measured in found:
        at = np.searchsorted(epochs, np.round(epoch, 9))
        for column, member in enumerate(seats):
            if member < len(members) and measured.shape[2:] == values.shape[2:]:
                updates[member, at] = update
                values[member, at] = measured[:, column]
    return Series(metric, epochs, updates, values, members)


def quantities(run: Run) -> tuple[str, ...]:
    """`INSTRUMENT.QUANTITY` of all that the run's instruments measured."""
    found = {
        f"{table.attributes['instrument']}.{column}": None
        for table in run.view.tables.values()
        if isinstance(table.attributes.get("instrument"), str)
        for column in table.columns
        if table.dtype[column].shape
    }
    return tuple(found)


def logged(run: Run) -> dict[str, str]:
    """The quantities of what a loop logged, or a log held, by the names that these had there."""
    return {
        plain(table.attributes[LOGGED], 80): f"{table.attributes['instrument']}.{column}"
        for table in run.view.tables.values()
        if isinstance(table.attributes.get(LOGGED), str)
        for column in table.columns
        if table.dtype[column].shape
    }


def _unknown(run: Run, metric: str) -> str:
    instrument, dot, quantity = metric.partition(".")
    known: Sequence[str] = quantities(run) if dot else (*run.view.metrics, *logged(run))
    if not known:
        return f"The run {run.id} has not measured anything yet."
    hint = did_you_mean(closest(metric, known), f". It has {', '.join(known)}.")
    what = f"{quantity!r} by the instrument {instrument!r}" if dot else f"{metric!r}"
    return f"The run {run.id} has not measured {what}{hint}"


def rows_of(findings: Findings) -> Table:
    """The report's rows: axis values, counts, and each quantity with its interval and n.

    A quantity has the columns NAME (mean over seeds), NAME_low, NAME_high and NAME_n; those that
    no row has are left out.
    """
    from memlab.reports.findings import QUANTITIES

    there = [name for name in QUANTITIES if any(row.quantity(name) for row in findings.rows)]
    made = []
    for row in findings.rows:
        cells = cell_of(row.axis_values) | {name: getattr(row, name) for name in ROW}
        for name in there:
            found = row.quantity(name)
            low, high = (None, None) if found is None else found.ends or (None, None)
            cells[name] = None if found is None else found.mean
            cells |= {f"{name}_low": low, f"{name}_high": high, f"{name}_n": found and found.n}
        made.append(cells | {name: getattr(row, name) for name in FACTS})
    return Table.of(made)


def measurements(run: Run) -> Table:
    """One row a member and evaluation, with every metric as a column."""
    names = run.view.metrics
    if not names:
        raise RunFolderError(f"The run {run.id} has not measured anything yet.")
    found = [series(run, name) for name in names]
    longest = max(found, key=lambda one: one.epochs.size)
    columns = labels(longest.members, longest.epochs, longest.updates)
    for one in found:
        values = np.full(longest.updates.shape, np.nan)
        values[:, np.searchsorted(longest.epochs, one.epochs)] = one.values
        columns[one.name] = values.reshape(-1)
    return Table(columns)
