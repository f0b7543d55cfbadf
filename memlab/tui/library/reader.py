"""Reads the runs folder for the library, in a thread: cheap facts at once, dear ones by and by.

What cannot change any more is kept; a living run is looked at again each time.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from memlab import bounded_toml
from memlab.errors import MemlabError, RunFolderError
from memlab.experiment.recorded import source_of
from memlab.runs.event_log import LATEST
from memlab.runs.lifecycle import size_on_disk
from memlab.runs.origin import is_ours
from memlab.runs.run_folder import RunFolder, list_runs
from memlab.runs.state import STATE_FILE, RunState
from memlab.strict_json import number
from memlab.text import plain
from memlab.tui.library.model import Entry, described

if TYPE_CHECKING:
    from memlab.runs.view import RunView

FIRST_SECONDS = 0.02  # the budget of the first read: somebody waits for the first rows
BUDGET_SECONDS = 0.15
SIZE_SECONDS = 10.0
LOOKED_AT = 50  # of the runs that have ended, at each read
MOST_MEMBERS = 1_000_000  # networks; no run has as many
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)", re.ASCII)  # that a run's name begins with


@dataclass
class _Known:
    """What is kept of a run between reads."""

    entry: Entry
    seeds: int
    described: bool = False
    stamp: tuple[int, int] | None = None  # of the state's file when it was read
    view: RunView | None = None
    detailed: tuple[object, ...] | None = None
    sized: float = 0.0


class LibraryReader:
    """All runs of a folder, newest first."""

    def __init__(self, runs_folder: Path) -> None:
        self._folder = runs_folder
        self._known: dict[str, _Known] = {}
        self._changed_at: int | None = None  # when runs last came to the folder, or went
        self._listed: list[tuple[str, RunFolder]] = []
        self._turn = 0
        self._again: set[str] = set()
        self._read: tuple[list[Entry], bool] = [], True

    def look_again(self, run_id: str) -> None:
        """Something was done to the run: its entry is made anew by the next read."""
        self._again.add(run_id)

    def read(self, budget: float | None = None) -> tuple[list[Entry], bool]:
        """The runs now, and whether there is more to find out in the next call.

        Args:
            budget: seconds to spend on titles and on figures that need a run's tables, newest
                runs first; the states of living runs are always read.
        """
        if budget is None:
            budget = BUDGET_SECONDS if self._known else FIRST_SECONDS
        looked_again = self._forget()
        if self._list() | self._look_at_all() | looked_again or self._read[1]:
            self._find_out(time.monotonic() + budget)
        return self._read

    def _forget(self) -> bool:
        """Drops what is to be made anew; whether there was any."""
        some = bool(self._again)
        while self._again:
            self._known.pop(self._again.pop(), None)
        return some

    def _list(self) -> bool:
        """Lists the folder anew where it has changed; whether it has."""
        try:
            changed_at = os.stat(self._folder).st_mtime_ns
        except OSError:
            changed_at = -1
        if changed_at != -1 and changed_at == self._changed_at:
            return False
        before = self._listed
        self._changed_at = changed_at
        self._listed = [(folder.id, folder) for folder in list_runs(self._folder)]
        for run_id in self._known.keys() - dict(self._listed).keys():
            del self._known[run_id]
        return self._listed != before

    def _look_at_all(self) -> bool:
        """The states of living runs and of a few that have ended; whether there is any news."""
        self._turn += 1
        turns = max(1, len(self._listed) // LOOKED_AT)
        news = False
        for rank, (run_id, folder) in enumerate(self._listed):
            known = self._known.get(run_id)
            if known is None:
                self._safely(folder, self._meet)
                news = True
            elif not known.entry.state.final or rank % turns == self._turn % turns:
                before = known.entry
                self._safely(folder, self._look)
                now = self._known[run_id].entry
                news |= now.state.living or now is not before
        return news

    def _find_out(self, end: float) -> None:
        """Titles, then figures, until the moment `end`."""
        more = False
        for look in (self._describe, self._detail):
            for run_id, folder in self._listed:
                if not self._is_due(self._known[run_id], look):
                    continue
                if time.monotonic() > end:
                    more = True
                    break
                self._safely(folder, look)
        self._read = [self._known[run_id].entry for run_id, _ in self._listed], more

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
        stamp = _stamp(folder)
        entry = replace(_unknown(folder), made=_made(folder), state=folder.state)
        self._known[folder.id] = _Known(entry, 1, stamp=stamp)

    def _look(self, folder: RunFolder) -> None:
        known, stamp = self._known[folder.id], _stamp(folder)
        if known.entry.state.final and stamp is not None and stamp == known.stamp:
            return
        state, known.stamp = folder.state, stamp
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
        from memlab.tui.library.figures import detailed  # numpy: not before the first rows

        known = self._known[folder.id]
        state, now = known.entry.state, time.monotonic()
        entry, view = detailed(folder, known.entry, known.seeds, known.view)
        known.view = view if state.living else None
        if not known.sized or not state.living or now - known.sized > SIZE_SECONDS:
            entry, known.sized = replace(entry, size=size_on_disk(folder)), now
        known.entry = entry
        known.detailed = (state.state, state.since)


def _unknown(folder: RunFolder) -> Entry:
    """The row of a folder of which nothing can be said."""
    return Entry(folder.id, plain(folder.id), "", 0, 0.0, RunState("interrupted"))


def _stamp(folder: RunFolder) -> tuple[int, int] | None:
    """Tells one state's file from the next that replaces it."""
    try:
        status = os.lstat(folder.path / STATE_FILE)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _made(folder: RunFolder) -> float:
    told = _TIME.match(folder.id)
    if told is not None:
        year, month, day, hour, minute = map(int, told.groups())
        with suppress(ValueError):
            return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()
    try:
        return number((folder.path / "experiment.toml").lstat().st_mtime, 0, LATEST) or 0.0
    except OSError:
        return 0.0


def wrong(error: Exception) -> str:
    """Why a run cannot be shown, in words."""
    if isinstance(error, MemlabError):
        return plain(error)
    return plain(f"This run cannot be read: {type(error).__name__}: {error}")
