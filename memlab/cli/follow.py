"""Following a run from the command line: progress on standard error, the report at the end.

Whoever starts a run here has it in hand until it ends: Ctrl-C and SIGTERM stop it, with a
checkpoint, from the first instant that a worker may be there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from memlab.cli import stopping
from memlab.cli.interruption import Interrupted, Interruptions
from memlab.cli.output import console, print_json, say, tell
from memlab.errors import MemlabError
from memlab.text import plain

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from memlab.runs.run_folder import RunFolder
    from memlab.runs.view import RunView

LOOK_SECONDS = 0.2
INTERRUPTED, HUNG_UP = 130, 129


def started(begin: Callable[[], RunFolder], *, as_json: bool, detach: bool = False) -> int:
    """Starts a run by `begin`, which gives its folder, and follows it unless it is detached.

    Ctrl-C and SIGTERM stop the run and wait for its checkpoint, a second Ctrl-C waits no longer;
    a hang-up leaves it running. Returns 0 where it finished, else 1, 2, 129, 130 or 143.
    """
    with Interruptions() as signals:
        try:
            folder = begin()
        except Interrupted:
            say("Interrupted while starting: `memlab runs` shows whether there is a run.")
            raise
        if detach:
            tell(folder.id)
            say(f"It goes on without this terminal: `memlab watch {folder.id}` follows it.")
            signals.release()
            return 0
        try:
            try:
                say(f"Run {folder.id} has started.")
                signals.release()
                return _to_the_end(folder, as_json)
            except Interrupted as first:
                return _stop(folder, first)
        except Interrupted as again:
            with suppress(OSError):
                say(f"{folder.id} is still stopping; `memlab stop {folder.id}` waits for it.")
            return again.exit_code
        except OSError:
            if not signals.hung_up:
                raise
            return HUNG_UP


def watched(folder: RunFolder) -> int:
    """Shows progress until the run ends; Ctrl-C only ends that. Returns as `started`."""
    try:
        return _to_the_end(folder, as_json=False)
    except KeyboardInterrupt:
        say(f"The run goes on: `memlab watch {folder.id}` follows it again.")
        return INTERRUPTED


def _stop(folder: RunFolder, asked: Interrupted) -> int:
    """What a signal means for the run; the request comes first, as nobody may be there to read."""
    from memlab.runs import lifecycle

    if not folder.state.living:
        return asked.exit_code
    with suppress(OSError):
        if asked.hung_up:
            say(f"The run {folder.id} goes on: `memlab watch {folder.id}` follows it.")
            return asked.exit_code
    try:
        lifecycle.request_stop(folder)
    except MemlabError as error:
        if folder.state.living:
            say(f"{folder.id} could not be asked to stop and goes on: {error}")
            return asked.exit_code
    with suppress(OSError):
        say(f"Stopping {folder.id}, with a checkpoint …")
        if stopping.ended(folder):
            say(_stopped(folder))
    return asked.exit_code


def _stopped(folder: RunFolder) -> str:
    state = folder.state
    if state.state != "interrupted":
        return f"{folder.id} {state.state} meanwhile: `memlab report {folder.id}` shows it."
    return f"Stopped {folder.id}. `memlab resume {folder.id}` goes on from here."


def _to_the_end(folder: RunFolder, as_json: bool) -> int:
    from memlab.runs.view import RunView

    _follow(RunView(folder))
    return _conclude(folder, as_json)


def _conclude(folder: RunFolder, as_json: bool) -> int:
    from memlab import reports

    state = folder.state
    if state.state == "failed":
        say(f"memlab: {folder.id} failed: {state.message}")
        say(f"Details are in {folder.worker_log}; `memlab resume {folder.id}` tries again.")
        return _exit_code(folder)
    if state.state == "interrupted":
        say(f"{folder.id} was interrupted: `memlab resume {folder.id}` goes on.")
    findings = reports.load_or_build(folder)
    if as_json:
        print_json(reports.document(findings))
    else:
        console().print(reports.text(findings))
        say(f"Run {folder.id}: {folder.path}")
    return 0 if state.state == "finished" else INTERRUPTED


def _exit_code(folder: RunFolder) -> int:
    """What the worker's failure means for the shell: 2 for bad input, else 1."""
    from memlab.runs.event_log import EventReader

    codes = [
        e.data.get("exit_code") for e in EventReader(folder.events).read() if e.type == "failed"
    ]
    return codes[-1] if codes and isinstance(codes[-1], int) else 1


def _follow(view: RunView) -> None:
    output = console(error=True)
    if output.is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.fields[state]}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TextColumn("{task.fields[detail]}", markup=False),
        )
        with Progress(*columns, console=output, transient=True, refresh_per_second=5) as bar:
            _poll(view, bar)
    else:
        _poll(view, None)


def _poll(view: RunView, bar: Bar | None) -> None:
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
            told = _tell(view, told)
        if view.state.final:
            return
        time.sleep(LOOK_SECONDS)


def _tell(view: RunView, told: str) -> str:
    """A line at each new state and each tenth of the way, for pipes and log files."""
    progress = view.progress
    tenth = int(progress.fraction * 10) if progress else 0
    mark = f"{view.state.state} {view.state.message} {tenth}"
    if mark != told and not view.state.final:
        share = f"{tenth * 10:3d} %  " if view.state.state == "running" else ""
        say(f"{view.folder.id}  {view.state.state}  {share}{_detail(view)}".rstrip())
    return mark


def _detail(view: RunView) -> str:
    from memlab.tui.widgets.number import duration

    progress = view.progress
    if view.state.state != "running" or progress is None:
        return view.state.message
    parts = [f"epoch {progress.epoch:.0f} of {progress.epochs_total:g}"]
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
        parts.append(f"{progress.samples_per_second:,.0f} samples/s")
    return "  ".join(parts)
