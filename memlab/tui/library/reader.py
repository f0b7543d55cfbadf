"""Reads the runs folder for the library, in a thread: cheap facts at once, dear ones by and by.

What cannot change any more is kept; a living run is looked at again each time.
"""

from __future__ import annotations

import calendar
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from memlab import bounded_toml
from memlab.charts.sparkline import sparkline
from memlab.errors import MemlabError, RunFolderError
from memlab.experiment.metrics import TEST_ACCURACY, VALIDATION_ACCURACY
from memlab.experiment.recorded import source_of
from memlab.runs.event_log import LATEST
from memlab.runs.lifecycle import size_on_disk
from memlab.runs.origin import is_ours
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder, list_runs
from memlab.runs.state import RunState
from memlab.runs.view import Progress, RunView
from memlab.strict_json import number
from memlab.text import plain
from memlab.tui.library.model import Entry, described

BUDGET_SECONDS = 0.15
SIZE_SECONDS = 10.0
SPARKLINE = 14
LOOKED_AT = 50  # of the runs that have ended, at each read
KEPT_POINTS = 16 * SPARKLINE
MOST_MEMBERS = 1_000_000  # networks; no run has as many


@dataclass
class _Known:
    """What is kept of a run between reads."""

    entry: Entry
    seeds: int
    described: bool = False
    view: RunView | None = None
    detailed: tuple[object, ...] | None = None
    sized: float = 0.0


class LibraryReader:
    """All runs of a folder, newest first."""

    def __init__(self, runs_folder: Path) -> None:
        self._folder = runs_folder
        self._known: dict[str, _Known] = {}
        self._listed: tuple[int, list[RunFolder]] = (-1, [])
        self._turn = 0
        self._again: set[str] = set()

    def look_again(self, run_id: str) -> None:
        """Something was done to the run: its entry is made anew by the next read."""
        self._again.add(run_id)

    def read(self, budget: float = BUDGET_SECONDS) -> tuple[list[Entry], bool]:
        """The runs now, and whether there is more to find out in the next call.

        Args:
            budget: seconds to spend on titles and on figures that need a run's tables, newest
                runs first; the states of living runs are always read.
        """
        while self._again:
            self._known.pop(self._again.pop(), None)
        folders = self._list()
        gone = self._known.keys() - {folder.id for folder in folders}
        for run_id in gone:
            del self._known[run_id]
        end = time.monotonic() + budget
        more = False
        self._turn += 1
        for rank, folder in enumerate(folders):
            known = self._known.get(folder.id)
            if known is None:
                self._safely(folder, self._meet)
            elif not self._rests(known, rank):
                self._safely(folder, self._look)
        for look in (self._describe, self._detail):
            for folder in folders:
                if not self._is_due(self._known[folder.id], look):
                    continue
                if time.monotonic() > end:
                    more = True
                    break
                self._safely(folder, look)
        return [self._known[folder.id].entry for folder in folders], more

    def _list(self) -> list[RunFolder]:
        """All runs, listed anew where the folder has changed."""
        try:
            changed = os.stat(self._folder).st_mtime_ns
        except OSError:
            changed = -1
        if changed == -1 or changed != self._listed[0]:
            self._listed = changed, list_runs(self._folder)
        return self._listed[1]

    def _rests(self, known: _Known, rank: int) -> bool:
        """Whether a run that has ended is not looked at this time; a few are, in turn."""
        turns = max(1, len(self._listed[1]) // LOOKED_AT)
        return known.entry.state.final and rank % turns != self._turn % turns

    def _safely(self, folder: RunFolder, look: Callable[[RunFolder], None]) -> None:
        """One folder that cannot be read is one row that says so, whatever is wrong with it."""
        try:
            look(folder)
        except Exception as error:
            known = self._known.get(folder.id)
            entry = known.entry if known is not None else _unknown(folder)
            made = replace(entry, problem=wrong(error))
            self._known[folder.id] = _Known(made, 1, described=True)

    def _meet(self, folder: RunFolder) -> None:
        """A run that is seen for the first time: only its state."""
        entry = replace(_unknown(folder), made=_made(folder), state=folder.state)
        self._known[folder.id] = _Known(entry, 1)

    def _look(self, folder: RunFolder) -> None:
        known, state = self._known[folder.id], folder.state
        if state != known.entry.state:
            known.entry = replace(known.entry, state=state)

    def _describe(self, folder: RunFolder) -> None:
        """What its experiment says, and whose it is."""
        known = self._known[folder.id]
        known.described = True
        tree = bounded_toml.parse(folder.experiment_toml())
        title, dataset, members = described(tree)
        stated = tree.get("seeds", 1)
        if not 1 <= members <= MOST_MEMBERS:
            raise RunFolderError(f"{folder.id} states an impossible number of networks.")
        known.seeds = max(1, stated if isinstance(stated, int) else len(stated))
        known.entry = replace(
            known.entry,
            title=title or plain(folder.id),
            dataset=dataset,
            members=members,
            guest=not is_ours(folder),
            recorded=source_of(tree) is not None,
        )

    def _is_due(self, known: _Known, look: Callable[[RunFolder], None]) -> bool:
        if look == self._describe:
            return not known.described
        return known.described and not self._is_current(known)

    def _is_current(self, known: _Known) -> bool:
        state = known.entry.state
        if known.entry.problem:
            return True
        return not state.living and known.detailed == (state.state, state.since)

    def _detail(self, folder: RunFolder) -> None:
        known = self._known[folder.id]
        state, now = known.entry.state, time.monotonic()
        view = known.view or Run(folder, KEPT_POINTS).view
        view.refresh()
        known.view = view if state.living else None
        progress = view.progress
        bytes_on_disk = known.entry.size
        if not known.sized or not state.living or now - known.sized > SIZE_SECONDS:
            bytes_on_disk, known.sized = size_on_disk(folder), now
        everyone = [member for member in view.seats if member < known.entry.members]
        curve = view.curve(VALIDATION_ACCURACY, everyone, 4 * SPARKLINE)
        known.entry = replace(
            known.entry,
            size=bytes_on_disk,
            took=view.worked_seconds or None,
            progress=_fraction(progress, state),
            result=_by_group(view, known, max(everyone, default=-1) + 1),
            sparkline=sparkline(curve.mean.tolist(), SPARKLINE),
        )
        known.detailed = (state.state, state.since)


def _fraction(progress: Progress | None, state: RunState) -> float | None:
    """How far it is; None where nobody knows how much there will be."""
    if progress is None:
        return state.progress
    return progress.fraction if progress.total_examples else None


def _unknown(folder: RunFolder) -> Entry:
    """The row of a folder of which nothing can be said."""
    return Entry(folder.id, plain(folder.id), "", 0, 0.0, RunState("interrupted"))


def _by_group(view: RunView, known: _Known, members: int) -> tuple[float, ...]:
    values = view.latest(TEST_ACCURACY, members)
    seeds = known.seeds
    means = []
    for first in range(0, len(values), seeds):
        part = values[first : first + seeds]
        there = part[np.isfinite(part)]
        means.append(float(there.mean()) if there.size else float("nan"))
    return tuple(means)


def _made(folder: RunFolder) -> float:
    try:
        return float(calendar.timegm(time.strptime(folder.id[:13], "%Y%m%d-%H%M")))
    except ValueError:
        pass
    try:
        return number((folder.path / "experiment.toml").lstat().st_mtime, 0, LATEST) or 0.0
    except OSError:
        return 0.0


def wrong(error: Exception) -> str:
    """Why a run cannot be shown, in words."""
    if isinstance(error, MemlabError):
        return plain(error)
    return plain(f"This run cannot be read: {type(error).__name__}: {error}")
