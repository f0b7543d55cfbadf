"""What is done to runs from outside: start, resume, ask, stop, delete."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from memlab import disk
from memlab.atomic import storing
from memlab.errors import MemlabError, RunFolderError
from memlab.runs import origin, own_code, requests, run_folder
from memlab.runs.environment import describe
from memlab.runs.event_log import EventLog
from memlab.runs.launch import WORKER, Standby, launch
from memlab.runs.lock import RunLock
from memlab.runs.origin import Registry
from memlab.runs.own_code import Code
from memlab.runs.recorded import require_trained_here
from memlab.runs.requests import RequestKind
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state

RESUME_YOURS = "Load your own checkpoint and give memlab.record resume= and step=."
#: What is asked of a worker, as it is refused.
VERBS: dict[str, str] = {
    "stop": "stopped from outside",
    "pause": "paused",
    "resume": "resumed",
    "checkpoint": "asked for a checkpoint",
}


def start(
    experiment_toml: str,
    name: str,
    runs_folder: Path,
    *,
    environment: Mapping[str, object] | None = None,
    standby: Standby | None = None,
    worker: Sequence[str] = WORKER,
    fill: Callable[[RunFolder], object] | None = None,
    code: Sequence[Code] = (),
) -> RunFolder:
    """Makes a run and gives it a worker, which lives on when this process ends.

    Args:
        fill: puts into the new folder what the worker is to find there, before anybody sees it.
        code: what of the user's own code the worker may import.

    Raises:
        StorageError: if the folder cannot be written.
        TrainingFailed: if no worker can be started; the run is there, as failed.
    """
    run_folder.sweep(runs_folder)
    unsettled(runs_folder)
    facts = describe(sys.argv) if environment is None else environment
    if code:
        facts = {**facts, "own_code": own_code.as_document(code)}
    folder, lock = run_folder.create(
        runs_folder, name, experiment_toml, facts, fill, own_code.as_document(code)
    )
    with lock:
        _hand_over(folder, lock, standby, worker)
    return folder


def resume(
    folder: RunFolder,
    *,
    standby: Standby | None = None,
    worker: Sequence[str] = WORKER,
    restart: bool = False,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Gives a run that was interrupted, stopped or failed a new worker.

    What was asked of the worker that is gone is forgotten.

    Args:
        restart: pass over checkpoints and tables that cannot be read, and train what they held
            again; without it they end the resume, and nothing is changed.
        facts: for its environment, such as where it is to go on.

    Raises:
        RunFolderError: if it lives, has finished, came from elsewhere, or cannot be read.
        InvalidExperiment: if it names code that nobody agreed to, or that has changed.
        StorageError, TrainingFailed: as `start`.
    """
    folder.experiment_toml()
    require_trained_here(folder, "resumed", RESUME_YOURS)
    origin.require_ours(folder, "resumed")
    require_code(folder)
    if folder.state.living:
        raise RunFolderError(f"The run {folder.id} is {folder.state.state}; it needs no resuming.")
    with RunLock.take(folder.lock) as lock:
        if folder.state.state == "finished":
            raise RunFolderError(f"The run {folder.id} has finished; there is nothing to resume.")
        requests.take_all(folder.path)
        if facts:
            folder.add_environment(**facts)
        write_state(folder.path, "queued")
        if restart:
            _cold(folder, lock, worker, ["--restart"])
        else:
            _hand_over(folder, lock, standby, worker)


def require_code(folder: RunFolder) -> tuple[Code, ...]:
    """The code of the user's own that the run may import; none where its experiment names none.

    Raises:
        RunFolderError: if its experiment cannot be read.
        InvalidExperiment: if it names code that nobody agreed to, or that has changed since.
    """
    from memlab.runs.run import Run

    if b"python:" not in folder.experiment_bytes():
        return ()
    known = {code.module: code for code in own_code.from_document(origin.code_of(folder))}
    own_code.check(own_code.modules_of(Run(folder).experiment), known, folder.id)
    return tuple(known.values())


def _hand_over(
    folder: RunFolder, lock: RunLock, standby: Standby | None, worker: Sequence[str]
) -> None:
    if standby is None or not standby.assign(folder.path, lock):
        _cold(folder, lock, worker)


def _cold(
    folder: RunFolder, lock: RunLock, worker: Sequence[str], arguments: Sequence[str] = ()
) -> None:
    try:
        launch(folder.path, lock, worker, arguments)
    except MemlabError as error:
        folder.release()
        with suppress(MemlabError), EventLog(folder.events) as log:
            log.append("failed", message=str(error), exit_code=error.exit_code)
        write_state(folder.path, "failed", str(error))
        raise


def adopt(folder: RunFolder, runs_folder: Path) -> RunFolder:
    """Makes a run from elsewhere one of ours, to be resumed, forked and reused.

    One that lies outside the runs folder is copied into it first. Its code, if its experiment
    names any, is not trusted by this.

    Raises:
        RunFolderError: if it lives, cannot be read, or holds a link or anything but files.
        StorageError: if it cannot be written.
    """
    folder.experiment_toml()
    if folder.path.is_symlink():
        raise RunFolderError(f"{folder.path} is a link; give the folder that it leads to.")
    if folder.state.living:
        raise RunFolderError(f"The run {folder.id} is {folder.state.state}; stop it first.")
    origin.check_plain(folder)
    if folder.path.parent != runs_folder.resolve():
        folder = run_folder.copied(folder, runs_folder)
    else:
        folder = RunFolder(runs_folder / folder.id)
    origin.register(folder, runs_folder, folder.id)
    return folder


def adopt_all(runs_folder: Path, older_only: bool = False) -> tuple[list[RunFolder], list[str]]:
    """Adopts every guest in the runs folder that can be: those, and why not the others.

    Args:
        older_only: only those from before there was a registry.
    """
    adopted, refused = [], []
    for folder in run_folder.list_runs(runs_folder):
        if origin.is_ours(folder) or (older_only and not origin.is_older(folder)):
            continue
        try:
            adopted.append(adopt(folder, runs_folder))
        except MemlabError as error:
            refused.append(str(error))
    Registry.of(runs_folder).settle()
    return adopted, refused


def unsettled(runs_folder: Path) -> int:
    """How many runs are there from before the registry, about which nobody was asked yet."""
    registry = Registry.of(runs_folder)
    if registry.settled:
        return 0
    older = [run for run in run_folder.list_runs(runs_folder) if origin.is_older(run)]
    if not older:
        with suppress(MemlabError):
            registry.settle()
    return len(older)


def request(folder: RunFolder, kind: RequestKind, **arguments: object) -> None:
    """Asks something of a living run; its worker answers at its next step.

    Raises:
        RunFolderError: if it does not live.
        StorageError: if the request cannot be written.
    """
    require_trained_here(
        folder, VERBS.get(kind, f"asked to {kind}"), "It ends where its loop ends."
    )
    state = folder.state
    if state.living:
        origin.require_ours(folder, f"asked to {kind}")
    else:
        raise RunFolderError(f"The run {folder.id} is {state.state}: nobody is there to {kind} it.")
    requests.submit(folder.path, kind, **arguments)


def request_stop(folder: RunFolder) -> None:
    """Asks a living run to save a checkpoint and end; raises as `request`."""
    request(folder, "stop")


def delete(folder: RunFolder) -> int:
    """Deletes a run that does not live; it is gone at once, its space a moment later.

    Returns:
        The bytes freed on disk.

    Raises:
        RunFolderError: if the run lives or is not there.
        StorageError: if it may not be deleted.
    """
    path = folder.path
    if not path.is_dir():
        raise RunFolderError(f"There is no run {folder.id}.")
    if path.is_symlink():
        raise RunFolderError(f"{path} is a link to a folder elsewhere; delete that by hand.")
    try:
        lock = RunLock.take(folder.lock)
    except RunFolderError as error:
        raise RunFolderError(
            f"The run {folder.id} is {folder.state.state}; stop it before deleting it."
        ) from error
    hidden = path.with_name(f"{run_folder.HIDDEN_DELETED}{folder.id}-{secrets.token_hex(3)}")
    with lock, storing(path):
        freed = size_on_disk(folder)
        disk.rename(path, hidden)
        Registry.of(path.parent).forget(folder.id)
        shutil.rmtree(hidden)
    return freed


def size_on_disk(folder: RunFolder) -> int:
    """The bytes that the run's files take on disk; 0 where it is gone."""
    total = 0
    for parent, _, names in os.walk(folder.path):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
            except OSError:
                continue
    return total
