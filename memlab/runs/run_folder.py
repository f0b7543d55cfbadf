"""One run, one folder: its name, its layout, how it is made and how it is found again.

A new folder is filled under a hidden name, its lock taken, and only then put in its place, so
that nobody ever sees a run that is half made or looks dead.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from memlab import disk
from memlab.atomic import storage_error
from memlab.errors import MemlabError, RunFolderError
from memlab.runs import documents, origin
from memlab.runs.door import Missing, Place
from memlab.runs.event_log import EVENTS_FILE, EventLog
from memlab.runs.lock import RunLock, is_held
from memlab.runs.requests import REQUESTS_FOLDER
from memlab.runs.state import LOCK_FILE, RunState, read_state, write_state
from memlab.spelling import closest
from memlab.text import slug

SCHEMA = 1
EXPERIMENT_FILE, ENVIRONMENT_FILE = "experiment.toml", "environment.json"
EXPERIMENT_BYTES = 1 << 20
#: Freed when the disk is full, so that the reason of the end can be written.
RESERVE_FILE, RESERVE_BYTES = ".reserve", 1 << 16
LAST = "last"
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
SUFFIX_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
SUBFOLDERS = ("series", REQUESTS_FOLDER, "checkpoints", "examples")
HEADER = "# memlab run, schema version "
END = "# end of experiment"
#: A checkpoint's file name: stack and update.
CHECKPOINT = re.compile(r"stack-(\d{3,})-update-(\d{9,})\.safetensors")
HIDDEN_NEW, HIDDEN_DELETED = ".new-", ".deleted-"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run; the properties say what lies where.

    `stray` is one that was given by its path and lies outside the runs folder: it is a guest,
    whatever lies beside it.
    """

    path: Path
    stray: bool = field(default=False, compare=False)

    @property
    def id(self) -> str:
        """The run's name: `YYYYMMDD-HHMM-slug-xxxx`, the time in UTC."""
        return self.path.name

    @property
    def place(self) -> Place:
        """The folder itself; what lies in it is opened through places only."""
        return Place(self.path)

    @property
    def lock(self) -> Path:
        """The file whose kernel lock a living run holds."""
        return self.path / LOCK_FILE

    @property
    def events(self) -> Place:
        """`events.jsonl`."""
        return self.place / EVENTS_FILE

    @property
    def series(self) -> Place:
        """The folder of tables."""
        return self.place / "series"

    @property
    def checkpoints(self) -> Place:
        """The folder of checkpoints."""
        return self.place / "checkpoints"

    @property
    def examples(self) -> Place:
        """The folder of per-example arrays."""
        return self.place / "examples"

    @property
    def report(self) -> Place:
        """`report.json`; there once the run has one."""
        return self.place / "report.json"

    @property
    def review(self) -> Place:
        """The verdicts that a person gave on its suspects; there once one was given."""
        return self.place / "review.jsonl"

    @property
    def baselines(self) -> Place:
        """What the baselines reached, member by member."""
        return self.place / "baselines.json"

    @property
    def lines(self) -> Place:
        """What was found on the lines between networks; there once that was measured."""
        return self.place / "lines.json"

    @property
    def worker_log(self) -> Place:
        """What the worker printed."""
        return self.place / "worker.log"

    @property
    def state(self) -> RunState:
        """The state as it is now."""
        return read_state(self.path)

    def stack(self, index: int) -> Place:
        """The table of stack `index`, without suffix."""
        return self.series / f"stack-{index:03d}"

    def experiment_bytes(self) -> bytes:
        """`experiment.toml` as it lies there.

        Raises:
            RunFolderError: if it is missing or cannot be read.
        """
        try:
            return (self.place / EXPERIMENT_FILE).read(EXPERIMENT_BYTES)
        except Missing as error:
            raise RunFolderError(f"{self.path} is not a run: it has no experiment.toml.") from error

    def experiment_toml(self) -> str:
        """The experiment as it was validated.

        Raises:
            RunFolderError: if it is missing or cut off, or of a newer version.
        """
        where = self.path / EXPERIMENT_FILE
        try:
            text = self.experiment_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise RunFolderError(f"{where} cannot be read; it is damaged.") from error
        first, _, rest = text.partition("\n")
        version = re.fullmatch(re.escape(HEADER) + r"(\d{1,9})", first.rstrip())
        if version is None:
            raise RunFolderError(f"{where} is damaged: its first line has no schema version.")
        if int(version[1]) > SCHEMA:
            raise RunFolderError(
                f"The run {self.id} was written by a newer memlab (schema {version[1]}, this one "
                f"reads up to {SCHEMA}); update memlab to open it."
            )
        body, end, _ = rest.rpartition(END)
        if not end:
            raise RunFolderError(f"{where} is damaged: it is cut off.")
        return body

    def environment(self) -> dict[str, object]:
        """Versions, device, command; empty where the file is missing or damaged."""
        try:
            return documents.read(self.place / ENVIRONMENT_FILE, schema=SCHEMA)
        except RunFolderError:
            return {}

    def reserve(self) -> None:
        """Keeps some room on the disk for the reason of the end; raises StorageError."""
        (self.place / RESERVE_FILE).replace(os.urandom(RESERVE_BYTES))

    def release(self) -> None:
        """Frees that room, on a disk that is full for instance."""
        with suppress(MemlabError):
            (self.place / RESERVE_FILE).unlink()

    def add_environment(self, **facts: object) -> None:
        """Adds what only the worker knows, such as the device and torch's version.

        Raises:
            StorageError: if it cannot be written.
            RunFolderError: if what is there cannot be read; it stays as it is.
        """
        place = self.place / ENVIRONMENT_FILE
        try:
            known = documents.read(place, schema=SCHEMA)
        except Missing:
            known = {}
        _write_json(place, known | facts)


def checkpoint_name(stack: int, update: int) -> str:
    """The name of a checkpoint, as `CHECKPOINT` reads it."""
    return f"stack-{stack:03d}-update-{update:09d}.safetensors"


def create(
    runs_folder: Path,
    name: str,
    experiment_toml: str,
    environment: Mapping[str, object],
    fill: Callable[[RunFolder], object] | None = None,
    code: Sequence[dict[str, object]] = (),
) -> tuple[RunFolder, RunLock]:
    """A new run in state queued, its lock held by this process.

    Args:
        name: a title, from which the readable part of the id is made.
        fill: puts into the new folder what the worker is to find there, before anybody sees it.
        code: what of the user's own code it may import, as the registry keeps it.

    Raises:
        StorageError: if it cannot be written; nothing is left behind.
    """
    hidden = runs_folder / f"{HIDDEN_NEW}{secrets.token_hex(6)}"
    lock: RunLock | None = None
    path = hidden
    try:
        runs_folder.mkdir(mode=disk.FOLDER_MODE, parents=True, exist_ok=True)
        disk.mkdir(hidden)
        lock = _fill(hidden, name, experiment_toml, environment)
        if fill is not None:
            fill(RunFolder(hidden))
        path = _reserve(runs_folder, name)
        origin.register(RunFolder(hidden), runs_folder, path.name, code)
        disk.rename(hidden, path)  # onto the empty folder that reserved the name
    except BaseException as error:
        shutil.rmtree(hidden, ignore_errors=True)
        with suppress(OSError):
            path.rmdir()
        if lock is not None:
            lock.close()
        if isinstance(error, OSError):
            raise storage_error(error, hidden) from error
        raise
    return RunFolder(path), RunLock(path / LOCK_FILE, lock.descriptor)


def copied(source: RunFolder, runs_folder: Path) -> RunFolder:
    """A copy of the run in the runs folder, under its own id where that is free.

    Raises:
        RunFolderError: if it holds anything but files, or is too large.
        StorageError: if it cannot be written; nothing is left behind.
    """
    from memlab.runs import copying

    hidden = runs_folder / f"{HIDDEN_NEW}{secrets.token_hex(6)}"
    path = runs_folder / source.id
    try:
        runs_folder.mkdir(mode=disk.FOLDER_MODE, parents=True, exist_ok=True)
        disk.mkdir(hidden)
        copying.copy_run(source.path, hidden)
        if not RUN_ID.fullmatch(path.name) or path.exists():
            path = _reserve(runs_folder, "adopted")
        disk.rename(hidden, path)
    except BaseException as error:
        shutil.rmtree(hidden, ignore_errors=True)
        if isinstance(error, OSError):
            raise storage_error(error, hidden) from error
        raise
    return RunFolder(path)


def _fill(
    folder: Path, name: str, experiment_toml: str, environment: Mapping[str, object]
) -> RunLock:
    lock = RunLock.take(folder / LOCK_FILE)
    try:
        place = Place(folder)
        for sub in SUBFOLDERS:
            (place / sub).mkdir()
        body = experiment_toml if experiment_toml.endswith("\n") else experiment_toml + "\n"
        text = f"{HEADER}{SCHEMA}\n{body}{END}\n"
        (place / EXPERIMENT_FILE).replace(text.encode())
        _write_json(place / ENVIRONMENT_FILE, environment)
        RunFolder(folder).reserve()
        with EventLog(place / EVENTS_FILE) as log:
            log.append("run-created", name=name, schema=SCHEMA)
        write_state(folder, "queued")
    except BaseException:
        lock.close()
        raise
    return lock


def _write_json(place: Place, document: Mapping[str, object]) -> None:
    content = {documents.SCHEMA_KEY: SCHEMA, **document}
    place.replace((json.dumps(content, indent=1, default=str) + "\n").encode())


def _reserve(runs_folder: Path, name: str) -> Path:
    start = time.strftime("%Y%m%d-%H%M", time.gmtime())
    while True:
        suffix = "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(4))
        path = runs_folder / f"{start}-{slug(name, 'run')}-{suffix}"
        try:
            disk.mkdir(path)
        except FileExistsError:
            continue
        return path


def list_runs(runs_folder: Path) -> list[RunFolder]:
    """All runs, newest first. Folders that hold no experiment are not runs and left out."""
    found: list[tuple[str, int, str]] = []
    try:
        names = os.listdir(runs_folder)
    except OSError:
        return []
    for name in names:
        if name.startswith("."):
            continue
        try:
            info = os.stat(runs_folder / name / EXPERIMENT_FILE, follow_symlinks=False)
        except (OSError, ValueError):
            continue
        made = info.st_mtime_ns
        found.append((name[:13], made, name))
    return [RunFolder(runs_folder / name) for _, _, name in sorted(found, reverse=True)]


def find(
    runs_folder: Path, wanted: str, *, readable: bool = True, by_path: bool = False
) -> RunFolder:
    """The run of that id, or whose id alone starts so, or the newest for `last`.

    Args:
        readable: refuse a run that is damaged or of a newer version; False to delete one.
        by_path: take a path to a run's folder too, wherever it lies.

    Raises:
        RunFolderError: if there is none (with the nearest), several, or of a newer version; or if
            `wanted` is a path and `by_path` is not set.
    """
    wanted = wanted.strip()
    if by_path and ("/" in wanted or wanted in (".", "..")):
        return _at(Path(wanted).expanduser(), runs_folder)
    if not wanted or "/" in wanted or "\\" in wanted or "\0" in wanted or wanted.startswith("."):
        raise RunFolderError(
            f"{wanted!r} is not the name of a run: give its id, the start of it, or '{LAST}'."
        )
    runs = list_runs(runs_folder)
    names = [run.id for run in runs]
    fits = runs[:1] if wanted == LAST else [run for run in runs if run.id == wanted]
    fits = fits or [run for run in runs if run.id.startswith(wanted)]
    if not runs:
        raise RunFolderError(f"There are no runs in {runs_folder} yet; `memlab run` makes one.")
    if len(fits) > 1:
        shown = ", ".join(run.id for run in fits[:4]) + (", …" if len(fits) > 4 else "")
        raise RunFolderError(f"{wanted!r} could be {len(fits)} runs: {shown}. Give more of the id.")
    if not fits:
        raise RunFolderError(f"There is no run {wanted!r}{_nearest(wanted, names)}")
    if readable:
        fits[0].experiment_toml()
    return fits[0]


def _at(path: Path, runs_folder: Path) -> RunFolder:
    try:
        there = path.resolve(strict=True)
        found = RunFolder(there, stray=there.parent != runs_folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise RunFolderError(f"There is no folder {path}.") from error
    found.experiment_toml()
    return found


def _nearest(wanted: str, names: list[str]) -> str:
    close = [name for name in names if wanted.lower() in name][:3]
    close = close or closest(wanted, names, 3, 0.5)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f". The newest is {names[0]}."


def sweep(runs_folder: Path) -> None:
    """Removes what a killed `create` or delete left behind under a hidden name."""
    try:
        names = os.listdir(runs_folder)
    except OSError:
        return
    for name in names:
        path = runs_folder / name
        new = name.startswith(HIDDEN_NEW)
        if not new and not name.startswith(HIDDEN_DELETED):
            continue
        try:
            young = time.time() - os.stat(path).st_mtime < 60.0
        except OSError:
            continue
        if not young and not is_held(path / LOCK_FILE):
            shutil.rmtree(path, ignore_errors=True)
