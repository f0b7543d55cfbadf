"""Following a run to its end: a bar on a terminal or in a notebook, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from memlab.errors import TrainingFailed
from memlab.runs.recorded import recorded_from
from memlab.text import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from memlab.runs.run_folder import RunFolder
    from memlab.runs.view import RunView

LOOK_SECONDS = 0.2
GO_ON = 'Its own loop can go on from a checkpoint of its own: memlab.record(..., resume="{}").'

Say = Callable[[str], None]


def follow(view: RunView, output: Console, say: Say) -> None:
    """Shows the run's progress until it has ended; `say` takes lines where there is no bar."""
    if not (output.is_terminal or output.is_jupyter):
        _poll(view, None, say)
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.fields[state]}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    with Progress(*columns, console=output, transient=True, refresh_per_second=5) as bar:
        _poll(view, bar, say)


def silent(view: RunView) -> None:
    """Waits until the run has ended, and shows nothing."""
    while view.refresh() or not view.state.final:
        time.sleep(LOOK_SECONDS)


def failure(folder: RunFolder) -> tuple[str, str]:
    """Why the run failed, and what can be done about it."""
    if recorded_from(folder) is not None:
        return f"{folder.id} failed: {folder.state.message}", GO_ON.format(folder.id)
    return (
        f"{folder.id} failed: {folder.state.message}",
        f"Details are in {folder.worker_log}; `memlab resume {folder.id}` tries again.",
    )


def interruption(folder: RunFolder) -> str:
    """That the run was interrupted, and how it goes on."""
    if recorded_from(folder) is not None:
        return f"{folder.id} was interrupted. {GO_ON.format(folder.id)}"
    return f"{folder.id} was interrupted: `memlab resume {folder.id}` goes on."


def check_finished(folder: RunFolder) -> None:
    """Checks that a run that has ended has finished.

    Raises:
        TrainingFailed: if it failed or was interrupted, with what can be done about it.
    """
    state = folder.state.state
    if state == "failed":
        raise TrainingFailed(" ".join(failure(folder)))
    if state == "interrupted":
        raise TrainingFailed(interruption(folder))


def _poll(view: RunView, bar: Bar | None, say: Say) -> None:
    task = bar.add_task("", total=1.0, state="starting", detail="") if bar else None
    told = ""
    while True:
        view.refresh()
        if bar is not None and task is not None:
            progress = view.progress
            done = progress.fraction if progress else 0.0
            bar.update(
                task, completed=done, state=view.state.state, detail=plain(_detail(view), 200)
            )
        else:
            told = _tell(view, told, say)
        if view.state.final:
            return
        time.sleep(LOOK_SECONDS)


def _tell(view: RunView, told: str, say: Say) -> str:
    """A line at each new state and each tenth of the way, for pipes and log files."""
    progress = view.progress
    endless = progress is not None and not progress.total_examples
    tenth = int(progress.fraction * 10) if progress else 0
    turn = int(progress.epoch) if progress and endless else tenth
    mark = f"{view.state.state} {view.state.message} {turn}"
    if mark != told and not view.state.final:
        share = f"{tenth * 10:3d} %  " if view.state.state == "running" and not endless else ""
        say(f"{view.folder.id}  {view.state.state}  {share}{_detail(view)}".rstrip())
    return mark


def _detail(view: RunView) -> str:
    from memlab.numbers import clock

    progress = view.progress
    if view.state.state != "running" or progress is None:
        return view.state.message
    total = f" of {progress.epochs_total:g}" if progress.epochs_total else ""
    parts = [f"epoch {progress.epoch:.0f}{total}"]
    if progress.seconds_left is not None:
        parts.append(f"{clock(progress.seconds_left)} left")
    if progress.samples_per_second > 0:
        parts.append(f"{progress.samples_per_second:,.0f} samples/s")
    return "  ".join(parts)
