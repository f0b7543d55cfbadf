"""Reads the runs folder for the library, in a thread: cheap facts at once, dear ones by and by.

What cannot change any more is kept; a living run is looked at again each time.
"""

from __future__ import annotations

import calendar
import time
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from memlab.errors import MemlabError
from memlab.runs.event_log import LATEST
from memlab.runs.lifecycle import size_on_disk
from memlab.runs.run_folder import RunFolder, list_runs
from memlab.runs.view import RunView
from memlab.strict_json import number
from memlab.text import plain
from memlab.tui.library_model import Entry, described
from memlab.tui.watch_reader import training_seconds
from memlab.tui.widgets.sparkline import sparkline

BUDGET_SECONDS = 0.15
SIZE_SECONDS = 10.0
SPARKLINE = 14
KEPT_POINTS = 16 * SPARKLINE
MOST_MEMBERS = 1_000_000  # networks; no run has as many


@dataclass
class _Known:
    """What is kept of a run between reads."""

    entry: Entry
    seeds: int
    view: RunView | None = None
    detailed: tuple[object, ...] | None = None
    sized: float = 0.0


class LibraryReader:
    """All runs of a folder, newest first."""

    def __init__(self, runs_folder: Path) -> None:
        self._folder = runs_folder
        self._known: dict[str, _Known] = {}

    def read(self, budget: float = BUDGET_SECONDS) -> tuple[list[Entry], bool]:
        """The runs now, and whether there is more to find out in the next call.

        Args:
            budget: seconds to spend on figures that need a run's tables; states are always read.
        """
        folders = list_runs(self._folder)
        gone = self._known.keys() - {folder.id for folder in folders}
        for run_id in gone:
            del self._known[run_id]
        for folder in folders:
            self._glance(folder)
        end = time.monotonic() + budget
        more = False
        for folder in folders:
            known = self._known[folder.id]
            if not self._is_current(known):
                if time.monotonic() > end:
                    more = True
                    continue
                self._detail(folder, known)
        return [self._known[folder.id].entry for folder in folders], more

    def _glance(self, folder: RunFolder) -> None:
        state = folder.state
        known = self._known.get(folder.id)
        if known is not None:
            known.entry = replace(known.entry, state=state)
            return
        title, dataset, members, seeds, problem = "", "", 0, 1, ""
        try:
            tree = tomllib.loads(folder.experiment_toml())
            title, dataset, members = described(tree)
            stated = tree.get("seeds", 1)
            seeds = stated if isinstance(stated, int) else len(stated)
            if not 1 <= members <= MOST_MEMBERS:
                members, problem = 0, f"{folder.id} states an impossible number of networks."
        except Exception as error:  # one bad folder is one row that says so
            problem = wrong(error)
        name = title or plain(folder.id)
        entry = Entry(folder.id, name, dataset, members, _made(folder), state, problem=problem)
        self._known[folder.id] = _Known(entry, max(1, seeds))

    def _is_current(self, known: _Known) -> bool:
        state = known.entry.state
        if known.entry.problem:
            return True
        return not state.living and known.detailed == (state.state, state.since)

    def _detail(self, folder: RunFolder, known: _Known) -> None:
        try:
            self._look_into(folder, known)
        except Exception as error:  # one bad folder is one row that says so
            known.entry = replace(known.entry, problem=wrong(error))

    def _look_into(self, folder: RunFolder, known: _Known) -> None:
        state, now = known.entry.state, time.monotonic()
        view = known.view or RunView(folder, KEPT_POINTS)
        view.refresh()
        known.view = view if state.living else None
        progress = view.progress
        bytes_on_disk = known.entry.size
        if not known.sized or not state.living or now - known.sized > SIZE_SECONDS:
            bytes_on_disk, known.sized = size_on_disk(folder), now
        everyone = [member for member in view.seats if member < known.entry.members]
        curve = view.curve("validation_accuracy", everyone, 4 * SPARKLINE)
        known.entry = replace(
            known.entry,
            size=bytes_on_disk,
            took=training_seconds(view.events, state) or None,
            progress=progress.fraction if progress is not None else state.progress,
            result=_by_group(view, known, max(everyone, default=-1) + 1),
            sparkline=sparkline(curve.mean.tolist(), SPARKLINE),
        )
        known.detailed = (state.state, state.since)


def _by_group(view: RunView, known: _Known, members: int) -> tuple[float, ...]:
    values = view.latest("test_accuracy", members)
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
        return number((folder.path / "experiment.toml").stat().st_mtime, 0, LATEST) or 0.0
    except OSError:
        return 0.0


def wrong(error: Exception) -> str:
    """Why a run cannot be shown, in words."""
    if isinstance(error, MemlabError):
        return plain(error)
    return plain(f"This run cannot be read: {type(error).__name__}: {error}")
