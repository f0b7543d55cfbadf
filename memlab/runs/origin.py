"""Which runs this machine made, and which came from elsewhere.

A registry beside the runs folder has one small file a run: its id, a random token that lies in the
run's folder too, and a hash of `experiment.toml`. A folder for which all three agree is ours; any
other is a guest: it can be looked at, reported, compared and copied, and is resumed, forked or
reused only once it is adopted. What the folder says of itself never counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memlab import disk
from memlab.atomic import storing, write_atomically
from memlab.errors import RunFolderError
from memlab.runs import documents
from memlab.runs.door import Place

if TYPE_CHECKING:
    from memlab.runs.run_folder import RunFolder

REGISTRY = "registry"
SETTLED_FILE = ".settled"
TOKEN_FILE = "origin.json"
CODE = "code"
SCHEMA = 1
ENTRY_BYTES = 1 << 14


@dataclass(frozen=True)
class Registry:
    """The entries of the runs in one runs folder."""

    folder: Path

    @classmethod
    def of(cls, runs_folder: Path) -> Registry:
        """The one that belongs to the runs folder: beside it, where no run can write."""
        return cls(Path(os.path.abspath(runs_folder)).parent / REGISTRY)

    @property
    def settled(self) -> bool:
        """Whether it is known whose the runs are that were there before the registry."""
        return (self.folder / SETTLED_FILE).is_file()

    def settle(self) -> None:
        """From here on what is not in the registry is a guest; raises StorageError."""
        self._make()
        write_atomically(self.folder / SETTLED_FILE, b'{"schema": 1}\n')

    def _make(self) -> None:
        with storing(self.folder):
            self.folder.mkdir(mode=disk.FOLDER_MODE, parents=True, exist_ok=True)

    def entry(self, run: str) -> dict[str, object] | None:
        """What is known of the run of that id; None where nothing is."""
        try:
            return documents.read(Place(self.folder) / f"{run}.json", ENTRY_BYTES, SCHEMA)
        except RunFolderError:
            return None

    def write(self, run: str, entry: dict[str, object]) -> None:
        """Replaces the entry; raises StorageError."""
        self._make()
        document = {documents.SCHEMA_KEY: SCHEMA, **entry}
        write_atomically(self.folder / f"{run}.json", (json.dumps(document) + "\n").encode())

    def forget(self, run: str) -> None:
        """Removes the entry, where there is one; raises StorageError."""
        with storing(self.folder / run):
            try:
                disk.unlink(self.folder / f"{run}.json")
            except FileNotFoundError:
                return


def register(
    folder: RunFolder, runs_folder: Path, run: str, code: Sequence[dict[str, object]] = ()
) -> None:
    """Makes the run in `folder`, which is or will be called `run`, one of ours.

    `code` is what of the user's own it may import (`own_code.as_document`); a run that is adopted
    has none.

    Raises:
        RunFolderError: if its experiment cannot be read.
        StorageError: if that cannot be written.
    """
    content = folder.experiment_bytes()
    token = secrets.token_hex(16)
    document = {documents.SCHEMA_KEY: SCHEMA, "token": token}
    (folder.place / TOKEN_FILE).replace((json.dumps(document) + "\n").encode())
    entry: dict[str, object] = {"id": run, "token": token, "experiment": _hash(content)}
    if code:
        entry[CODE] = list(code)
    Registry.of(runs_folder).write(run, entry)


def code_of(folder: RunFolder) -> object:
    """What of the user's own code the run may import, for `own_code.from_document`.

    Nothing of a guest's, and nothing that lies in the folder counts.
    """
    entry = Registry.of(folder.path.parent).entry(folder.id)
    return entry.get(CODE) if entry is not None and is_ours(folder) else None


def allow_code(folder: RunFolder, code: Sequence[dict[str, object]]) -> None:
    """Lets one of our runs import this code from here on, instead of what it might before.

    Raises:
        RunFolderError: if it is a guest.
        StorageError: if that cannot be written.
    """
    require_ours(folder, "given code")
    registry = Registry.of(folder.path.parent)
    entry = dict(registry.entry(folder.id) or {})
    entry.pop(documents.SCHEMA_KEY, None)
    registry.write(folder.id, {**entry, CODE: list(code)})


def is_ours(folder: RunFolder) -> bool:
    """Whether this machine made the run, or its user adopted it.

    Beside a folder that came by its path may lie a registry of anybody's making.
    """
    if folder.stray:
        return False
    entry = Registry.of(folder.path.parent).entry(folder.id)
    if entry is None or entry.get("id") != folder.id or folder.path.is_symlink():
        return False
    try:
        token = documents.read(folder.place / TOKEN_FILE, ENTRY_BYTES, SCHEMA).get("token")
        content = folder.experiment_bytes()
    except RunFolderError:
        return False
    known = entry.get("token")
    same = isinstance(token, str) and isinstance(known, str)
    return (
        same
        and secrets.compare_digest(str(token).encode(), str(known).encode())
        and entry.get("experiment") == _hash(content)
    )


def is_older(folder: RunFolder) -> bool:
    """Whether a readable run is from before the registry: then it carries no token at all."""
    try:
        folder.experiment_bytes()
        return (folder.place / TOKEN_FILE).info() is None
    except RunFolderError:
        return False


def require_ours(folder: RunFolder, verb: str) -> None:
    """Refuses to do to a guest what only our own runs are for; `verb` as in "resumed".

    Raises:
        RunFolderError: if it is a guest; the sentence says how to adopt it.
    """
    if not is_ours(folder):
        raise RunFolderError(
            f"The run {folder.id} was not made by this memlab, so it is not {verb} as it is: look "
            f"at it first, and if you trust it, `memlab adopt {folder.id}`."
        )


def check_plain(folder: RunFolder) -> None:
    """Checks that a run folder holds folders and regular files alone, two levels deep.

    Raises:
        RunFolderError: naming what is none, a link for instance.
    """
    for place, found in walk(folder.place):
        if found.st_nlink > 1:
            raise RunFolderError(
                f"{place} has a second name elsewhere (a hard link); copy the run folder instead."
            )


def walk(folder: Place, depth: int = 3) -> Sequence[tuple[Place, os.stat_result]]:
    """All regular files below `folder`.

    Raises:
        RunFolderError: if there is anything but files and folders, or folders within folders
            deeper than `depth`.
    """
    found: list[tuple[Place, os.stat_result]] = []
    for name in folder.list():
        place = folder / name
        info = place.info()
        if info is None:
            continue
        if place.is_file():
            found.append((place, info))
        elif depth > 1:
            found += walk(place, depth - 1)
        else:
            raise RunFolderError(f"{place} lies deeper than anything in a run.")
    return found


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
