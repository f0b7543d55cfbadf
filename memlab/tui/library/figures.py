"""What the library says of a run that stands in its tables: how far, how long, how well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memlab.charts.sparkline import sparkline
from memlab.experiment.metrics import TEST_ACCURACY, VALIDATION_ACCURACY
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import RunState
from memlab.runs.view import Progress, RunView
from memlab.tui.library.model import Entry

SPARKLINE = 14
KEPT_POINTS = 16 * SPARKLINE


def detailed(
    folder: RunFolder, entry: Entry, seeds: int, view: RunView | None
) -> tuple[Entry, RunView]:
    """The entry with the figures of now, and the view they are of; `view` is that of before."""
    view = view or Run(folder, KEPT_POINTS).view
    view.refresh()
    everyone = [member for member in view.seats if member < entry.members]
    members = max(everyone, default=-1) + 1
    tested = _by_group(view, TEST_ACCURACY, seeds, members)
    untested = not np.isfinite(tested).any()
    curve = view.curve(VALIDATION_ACCURACY, everyone, 4 * SPARKLINE)
    made = replace(
        entry,
        took=view.worked_seconds or None,
        progress=_fraction(view.progress, entry.state),
        result=_by_group(view, VALIDATION_ACCURACY, seeds, members) if untested else tested,
        validated=untested,
        sparkline=sparkline(curve.mean.tolist(), SPARKLINE),
    )
    return made, view


def _fraction(progress: Progress | None, state: RunState) -> float | None:
    """How far it is; None where nobody knows how much there will be."""
    if progress is None:
        return state.progress
    return progress.fraction if progress.total_examples else None


def _by_group(view: RunView, metric: str, seeds: int, members: int) -> tuple[float, ...]:
    values = view.latest(metric, members)
    means = []
    for first in range(0, len(values), seeds):
        part = values[first : first + seeds]
        there = part[np.isfinite(part)]
        means.append(float(there.mean()) if there.size else float("nan"))
    return tuple(means)
