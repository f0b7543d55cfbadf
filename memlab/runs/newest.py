"""Which run to show where nobody has chosen one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from memlab.errors import MemlabError
from memlab.runs.run_folder import RunFolder, list_runs
from memlab.runs.state import RunState

Wanted = Callable[[RunState], bool]


def finished(state: RunState) -> bool:
    """Whether a report would be final."""
    return state.state == "finished"


def living(state: RunState) -> bool:
    """Whether there is something to watch."""
    return state.living


def newest(runs_folder: Path, wanted: Wanted) -> RunFolder | None:
    """The newest run in a wanted state, else the newest of all; None where none can be read."""
    second: RunFolder | None = None
    for folder in list_runs(runs_folder):
        fits = wanted(folder.state)
        if (fits or second is None) and _is_readable(folder):
            if fits:
                return folder
            second = folder
    return second


def _is_readable(folder: RunFolder) -> bool:
    try:
        folder.experiment_toml()
    except MemlabError:
        return False
    return True
