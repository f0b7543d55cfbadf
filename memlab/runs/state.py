"""The lifecycle state of a run: what the worker last said, corrected by whether it lives.

`state.json` is replaced atomically by the lock's holder; everybody else only reads it. A state
that is not final and whose lock is free is `interrupted`, whatever the file says.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from memlab.errors import RunFolderError
from memlab.runs import documents
from memlab.runs.door import Place
from memlab.runs.event_log import LATEST
from memlab.runs.lock import is_held
from memlab.strict_json import number, whole
from memlab.text import plain

StateName = Literal[
    "queued", "starting", "running", "paused", "stopping", "finished", "failed", "interrupted"
]
NAMES: tuple[str, ...] = get_args(StateName)
FINAL = ("finished", "failed", "interrupted")
STATE_FILE = "state.json"
LOCK_FILE = "lock"
SCHEMA = 1
STATE_BYTES = 1 << 20


@dataclass(frozen=True)
class RunState:
    """What a run is doing. `since` is unix time; `progress`, if known, is in [0, 1]."""

    state: StateName
    since: float = 0.0
    message: str = ""
    pid: int | None = None
    device: str | None = None
    progress: float | None = None
    living: bool = False

    @property
    def final(self) -> bool:
        """Whether nothing more will happen unless someone resumes it."""
        return self.state in FINAL


def write_state(
    folder: Path,
    state: StateName,
    message: str = "",
    *,
    device: str | None = None,
    progress: float | None = None,
    pid: int | None = None,
) -> None:
    """Replaces the state; only the holder of the run's lock may. `pid` is for people only.

    Raises:
        StorageError: if it cannot be written.
    """
    made = RunState(state, time.time(), message, pid or os.getpid(), device, progress)
    document = asdict(made)
    del document["living"]
    document[documents.SCHEMA_KEY] = SCHEMA
    (Place(folder) / STATE_FILE).replace((json.dumps(document) + "\n").encode())


def read_state(folder: Path) -> RunState:
    """The state as it truly is: the file's word if the lock is held, or if it is final.

    The file is read again after a free lock was seen, because a worker may have ended in between;
    only a file that did not change around a free lock tells of a run that died. Never raises: of
    a folder whose lock cannot be asked it says so.
    """
    try:
        return _true_state(folder)
    except OSError as error:
        return RunState("interrupted", message=f"{LOCK_FILE} cannot be read: {error.strerror}.")


def _true_state(folder: Path) -> RunState:
    before = _stored(folder)
    for _ in range(100):
        try:
            held = is_held(folder / LOCK_FILE)
        except RunFolderError as error:
            return RunState("interrupted", message=str(error))
        if held:
            return replace(_stored(folder) or RunState("queued"), living=True)
        if before is not None and before.final:
            return before
        after = _stored(folder)
        if after is not None and after.final:
            return after
        if after == before:
            break
        before = after
    if before is None:
        return RunState("interrupted", message=f"{STATE_FILE} is missing or damaged.")
    message = before.message or f"Its process ended while {before.state}."
    return replace(before, state="interrupted", message=message)


def _stored(folder: Path) -> RunState | None:
    """What the file says; None where it says nothing that can be understood."""
    try:
        document = documents.read(Place(folder) / STATE_FILE, STATE_BYTES, SCHEMA)
        if document.get("state") not in NAMES:
            return None
        device = document.get("device")
        return RunState(
            state=document["state"],
            since=number(document.get("since"), 0, LATEST) or 0.0,
            message=plain(document.get("message") or ""),
            pid=whole(document.get("pid"), 1),
            device=plain(device) if device is not None else None,
            progress=number(document.get("progress"), 0, 1),
        )
    except RunFolderError:
        return None
