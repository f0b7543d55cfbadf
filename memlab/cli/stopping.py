"""Waiting on the command line for a run that was asked to stop; why it does not is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memlab.cli.output import say

if TYPE_CHECKING:
    from memlab.runs.run_folder import RunFolder

WAIT_SECONDS = 30.0


def ended(folder: RunFolder, seconds: float = WAIT_SECONDS) -> bool:
    """As `memlab.runs.stopping.ended`, on standard error."""
    from memlab.runs import stopping

    return stopping.ended(folder, seconds, say)
