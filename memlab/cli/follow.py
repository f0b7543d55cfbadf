"""Following a run from the command line: progress on standard error, the report at the end.

Whoever starts a run here has it in hand until it ends: Ctrl-C and SIGTERM stop it, with a
checkpoint, from the first instant that a worker may be there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from memlab.cli import stopping
from memlab.cli.interruption import Interrupted, Interruptions
from memlab.cli.output import console, print_json, say, tell
from memlab.errors import MemlabError
from memlab.strict_json import whole

if TYPE_CHECKING:
    from memlab.runs.run_folder import RunFolder

INTERRUPTED, HUNG_UP = 130, 129


def started(
    begin: Callable[[], RunFolder],
    *,
    as_json: bool,
    detach: bool = False,
    show: Callable[[RunFolder], None] | None = None,
) -> int:
    """Starts a run by `begin`, which gives its folder, and follows it unless it is detached.

    Once it has finished, `show` prints what it found, in place of the report.
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
                return _to_the_end(folder, as_json, show)
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


def watched(folder: RunFolder, as_json: bool = False) -> int:
    """Shows progress until the run ends; Ctrl-C only ends that. Returns as `started`."""
    try:
        return _to_the_end(folder, as_json)
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


def _to_the_end(
    folder: RunFolder, as_json: bool, show: Callable[[RunFolder], None] | None = None
) -> int:
    from memlab.library.progress import follow
    from memlab.runs.run import Run

    follow(Run(folder).view, console(error=True), say)
    if show is not None and folder.state.state == "finished":
        show(folder)
        return 0
    return _conclude(folder, as_json)


def _conclude(folder: RunFolder, as_json: bool) -> int:
    from memlab import reports
    from memlab.library import progress

    state = folder.state
    if state.state == "failed":
        why, remedy = progress.failure(folder)
        say(f"memlab: {why}")
        say(remedy)
        return _exit_code(folder)
    if state.state == "interrupted":
        say(progress.interruption(folder))
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

    failures = [e for e in EventReader(folder.events).read() if e.type == "failed"]
    return (failures and whole(failures[-1].data.get("exit_code"), 1, 2)) or 1
