"""Waiting for a run that was asked to stop, and saying why it does not."""

from __future__ import annotations

import time
from collections.abc import Callable

from memlab.runs import holder
from memlab.runs.run_folder import RunFolder

WAIT_SECONDS = 30.0
LOOK_SECONDS = 0.05
#: How often the processes are looked at for one that is stopped.
PROCESS_SECONDS = 0.5


def ended(folder: RunFolder, seconds: float, say: Callable[[str], None]) -> bool:
    """Waits until no worker holds the run; False where it still does after `seconds`.

    The request to stop stays; why nothing happened was said.
    """
    start = time.monotonic()
    next_look, told = start + PROCESS_SECONDS, ""
    while folder.state.living:
        now = time.monotonic()
        over = now - start >= seconds
        if over or now >= next_look:
            next_look = now + PROCESS_SECONDS
            why = stopped_process(folder)
            if why and why != told:
                say(why)
                told = why
        if over:
            if not told:
                say(_unanswered(folder, seconds))
            return False
        time.sleep(LOOK_SECONDS)
    return True


def stopped_process(folder: RunFolder) -> str:
    """That the run's worker is a stopped process, and what to do; "" where it is not."""
    pid = holder.stopped(folder.lock)
    if pid is None:
        return ""
    return (
        f"The worker of {folder.id}, process {pid}, is stopped and answers nothing: "
        f"`kill -CONT {pid}` lets it go on, and what it was asked stays asked."
    )


def _unanswered(folder: RunFolder, seconds: float) -> str:
    pids = holder.holders(folder.lock)
    end = f"; `kill -KILL {pids[0]}` ends it at once, without a checkpoint" if pids else ""
    return (
        f"{folder.id} has not stopped within {seconds:g} s. The request stays, and it stops when "
        f"it answers{end}."
    )
