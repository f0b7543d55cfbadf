"""What a claim may look at: the finished runs of its presets, and the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memlab.errors import RunFolderError
from memlab.reports.claims.finished_run import FinishedRun


@dataclass(frozen=True)
class Evidence:
    """`runs` by preset without its size."""

    runs: Mapping[str, FinishedRun]
    seeds: Sequence[int]

    def run(self, preset: str) -> FinishedRun:
        """The finished run of that preset.

        Raises:
            RunFolderError: if it is not among them.
        """
        if preset not in self.runs:
            raise RunFolderError(f"The runs of the preset {preset!r} are not there.")
        return self.runs[preset]
