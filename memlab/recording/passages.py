"""How the ledger of a recording begins, and how a recording ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memlab.recording.example_ledger import AnswerLedger
from memlab.recording.given import Given
from memlab.runs.recorded_files import Attempt, RunFiles, has_ledger
from memlab.text import plain


def begun(
    files: RunFiles,
    data: Given,
    classes: int,
    epochs: int | None,
    class_names: Sequence[str],
    attempt: Attempt,
) -> AnswerLedger:
    """A ledger of these data; it goes on from the attempt before, where its history reaches.

    Raises:
        RunFolderError: if the attempt before left a ledger that cannot be read.
        StorageError: if it cannot be written.
    """
    earlier = _earlier(files) if has_ledger(files.folder) else None
    folder = files.folder.examples / "stack-000"
    made = AnswerLedger(folder, data, classes, epochs, class_names)
    if earlier is not None and not made.replay(earlier, attempt.epoch):
        files.events.append("ledger-anew", attempt=attempt.number)
    return made


def _earlier(files: RunFiles) -> Any:
    """The history of the attempt before, which is set aside as a whole."""
    from memlab.runs import aside
    from memlab.runs.ledger import read_ledger

    found = read_ledger(files.folder)
    aside.move(files.folder.examples / "stack-000")
    return found[0].history if found else None


def ended(files: RunFiles, error: BaseException | None, epoch: float) -> None:
    """Writes how the loop ended at `epoch`: by itself, by an error of its own, or from outside.

    Raises:
        StorageError: if that cannot be written.
    """
    from memlab.reports import json as report_json

    if error is None:
        files.events.append("member-finished", member=0, epoch=epoch)
        files.events.append("finished", message="")
        report_json.write(files.folder, state="finished")
        files.say("finished", "", progress=1.0)
    elif isinstance(error, Exception):
        message = plain(f"The loop raised {type(error).__name__}: {error}", 400)
        files.events.append("failed", message=message, exit_code=1)
        files.say("failed", message)
    else:
        files.events.append("stopped", reason=type(error).__name__)
        files.say("interrupted", f"The loop was ended by {type(error).__name__}.")
