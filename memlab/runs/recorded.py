"""Runs that memlab recorded and did not train: what cannot be done to them is refused in words."""

from __future__ import annotations

import tomllib

from memlab import bounded_toml
from memlab.errors import MemlabError, RunFolderError
from memlab.experiment.recorded import source_of
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder


def recorded_from(run: RunFolder | Run) -> str | None:
    """Where a recorded run's figures come from, in words; None for any other run.

    A run whose experiment cannot be read is none: who goes on with it is told why.
    """
    folder = run if isinstance(run, RunFolder) else run.folder
    try:
        return source_of(bounded_toml.parse(folder.experiment_toml()))
    except (MemlabError, tomllib.TOMLDecodeError):
        return None


def require_trained_here(run: RunFolder | Run, verb: str, instead: str = "") -> None:
    """Refuses to do to a recorded run what needs a worker or a checkpoint; `verb` as in "resumed".

    Raises:
        RunFolderError: if it was recorded.
    """
    source = recorded_from(run)
    if source is not None:
        more = f" {instead}" if instead else ""
        raise RunFolderError(
            f"The run {run.id} was recorded from {source}: memlab did not train it, so it cannot "
            f"be {verb}.{more}"
        )
