"""One run, one folder: its name, its layout, how it is made and how it is found again.

A new folder is filled under a hidden name, its lock taken, and only then put in its place, so
that nobody ever sees a run that is half made or looks dead.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from memlab.atomic import storage_error, write_atomically
from memlab.errors import RunFolderError
from memlab.runs.event_log import EVENTS_FILE, EventLog
from memlab.runs.lock import RunLock, is_held
from memlab.runs.requests import REQUESTS_FOLDER
from memlab.runs.state import LOCK_FILE, RunState, read_state, write_state
from memlab.strict_json import loads

SCHEMA = 1
LAST = "last"
SUFFIX_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
SUBFOLDERS = ("series", REQUESTS_FOLDER, "checkpoints", "examples")
HEADER = "# memlab run, schema version "
END = "# end of experiment"
#: A checkpoint's file name: stack and update.
CHECKPOINT = re.compile(r"stack-(\d{3,})-update-(\d{9,})\.safetensors")
HIDDEN_NEW, HIDDEN_DELETED = ".new-", ".deleted-"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run; the properties say what lies where."""

    path: Path

    @property
    def id(self) -> str:
        """The run's name: `YYYYMMDD-HHMM-slug-xxxx`, the time in UTC."""
        return self.path.name

    @property
    def lock(self) -> Path:
        """The file whose kernel lock a living run holds."""
        return self.path / LOCK_FILE

    @property
    def events(self) -> Path:
        """`events.jsonl`."""
        return self.path / EVENTS_FILE

    @property
    def series(self) -> Path:
        """The folder of tables."""
        return self.path / "series"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def examples(self) -> Path:
        """The folder of per-example arrays."""
        return self.path / "examples"

    @property
    def report(self) -> Path:
        """`report.json`; there once the run has one."""
        return self.path / "report.json"

    @property
    def baselines(self) -> Path:
        """What the baselines reached, member by member."""
        return self.path / "baselines.json"

    @property
    def worker_log(self) -> Path:
        """What the worker printed."""
        return self.path / "worker.log"

    @property
    def state(self) -> RunState:
        """The state as it is now."""
        return read_state(self.path)

    def stack(self, index: int) -> Path:
        """The table of stack `index`, without suffix."""
        return self.series / f"stack-{index:03d}"

    def experiment_toml(self) -> str:
        """The experiment as it was validated.

        Raises:
            RunFolderError: if it is missing or cut off, or of a newer version.
        """
        where = self.path / "experiment.toml"
        try:
            text = where.read_bytes().decode("utf-8")
        except FileNotFoundError as error:
            raise RunFolderError(f"{self.path} is not a run: it has no experiment.toml.") from error
        except (OSError, UnicodeDecodeError) as error:
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
            document = loads((self.path / "environment.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def add_environment(self, **facts: object) -> None:
        """Adds what only the worker knows, such as the device and torch's version.

        Raises:
            StorageError: if it cannot be written.
        """
        _write_json(self.path / "environment.json", self.environment() | facts)


def create(
    runs_folder: Path, name: str, experiment_toml: str, environment: Mapping[str, object]
) -> tuple[RunFolder, RunLock]:
    """A new run in state queued, its lock held by this process.

    Args:
        name: a title, from which the readable part of the id is made.

    Raises:
        StorageError: if it cannot be written; nothing is left behind.
    """
    hidden = runs_folder / f"{HIDDEN_NEW}{secrets.token_hex(6)}"
    lock: RunLock | None = None
    try:
        runs_folder.mkdir(parents=True, exist_ok=True)
        hidden.mkdir()
        lock = _fill(hidden, name, experiment_toml, environment)
        path = _reserve(runs_folder, name)
        os.rename(hidden, path)  # onto the empty folder that reserved the name
    except BaseException as error:
        shutil.rmtree(hidden, ignore_errors=True)
        if lock is not None:
            lock.close()
        if isinstance(error, OSError):
            raise storage_error(error, hidden) from error
        raise
    return RunFolder(path), RunLock(path / LOCK_FILE, lock.descriptor)


def _fill(
    folder: Path, name: str, experiment_toml: str, environment: Mapping[str, object]
) -> RunLock:
    lock = RunLock.take(folder / LOCK_FILE)
    try:
        for sub in SUBFOLDERS:
            (folder / sub).mkdir()
        body = experiment_toml if experiment_toml.endswith("\n") else experiment_toml + "\n"
        text = f"{HEADER}{SCHEMA}\n{body}{END}\n"
        write_atomically(folder / "experiment.toml", text.encode())
        _write_json(folder / "environment.json", environment)
        with EventLog(folder / EVENTS_FILE) as log:
            log.append("run-created", name=name)
        write_state(folder, "queued")
    except BaseException:
        lock.close()
        raise
    return lock


def _write_json(path: Path, document: Mapping[str, object]) -> None:
    write_atomically(path, (json.dumps(document, indent=1, default=str) + "\n").encode())


def _reserve(runs_folder: Path, name: str) -> Path:
    start = time.strftime("%Y%m%d-%H%M", time.gmtime())
    while True:
        suffix = "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(4))
        path = runs_folder / f"{start}-{slug(name)}-{suffix}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path


def slug(name: str) -> str:
    """A title as part of a file name: lower case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "run"


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
            made = os.stat(runs_folder / name / "experiment.toml").st_mtime_ns
        except OSError:
            continue
        found.append((name[:13], made, name))
    return [RunFolder(runs_folder / name) for _, _, name in sorted(found, reverse=True)]


def find(runs_folder: Path, wanted: str, *, readable: bool = True) -> RunFolder:
    """The run of that id, or whose id alone starts so, or the newest for `last`.

    Args:
        readable: refuse a run that is damaged or of a newer version; False to delete one.

    Raises:
        RunFolderError: if there is none (with the nearest), several, or of a newer version; or if
            `wanted` is a path.
    """
    wanted = wanted.strip()
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


def _nearest(wanted: str, names: list[str]) -> str:
    close = [name for name in names if wanted.lower() in name][:3]
    close = close or difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
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
