"""What viewers ask of a worker: one small file each in `requests/`, taken in order.

The names start with the time, so that their order is the order of asking.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from memlab.errors import RunFolderError, StorageError
from memlab.runs import documents
from memlab.runs.door import Missing, Place

RequestKind = Literal["pause", "resume", "stop", "checkpoint", "fork"]
KINDS: tuple[str, ...] = get_args(RequestKind)
REQUESTS_FOLDER = "requests"
MAX_BYTES = 1 << 16
SCHEMA = 1


@dataclass(frozen=True)
class Request:
    """One thing asked, with its arguments."""

    kind: RequestKind
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Taken:
    """The requests in order, and the names of files that were none."""

    requests: tuple[Request, ...] = ()
    ignored: tuple[str, ...] = ()


def submit(folder: Path, kind: RequestKind, **arguments: object) -> None:
    """Asks the worker of the run in `folder`; it answers at its next step.

    Raises:
        StorageError: if the request cannot be written.
        RunFolderError: if `requests` is a link or no folder.
    """
    requests = Place(folder) / REQUESTS_FOLDER
    requests.mkdir()
    name = f"{time.time_ns():020d}-{secrets.token_hex(3)}.json"
    document = json.dumps({documents.SCHEMA_KEY: SCHEMA, "kind": kind, "arguments": arguments})
    (requests / name).replace(document.encode())


def take_all(folder: Path) -> Taken:
    """Takes what was asked of the run in `folder`, oldest first, deleting each file.

    What is no request is deleted too and named; a link goes without what it leads to, a folder
    stays. Hidden files are left: they are requests being written.

    Raises:
        RunFolderError: if `requests` itself is a link or no folder.
    """
    requests = Place(folder) / REQUESTS_FOLDER
    try:
        names = [name for name in requests.list() if not name.startswith(".")]
    except Missing:
        return Taken()
    taken: list[Request] = []
    ignored: list[str] = []
    for name in names:
        place = requests / name
        request = _read(place)
        try:
            if not place.unlink():
                continue  # another took it
        except StorageError:
            continue  # a folder, or not ours to delete: it would be taken again and again
        if request is None:
            ignored.append(name)
        else:
            taken.append(request)
    return Taken(tuple(taken), tuple(ignored))


def _read(place: Place) -> Request | None:
    try:
        document = documents.read(place, MAX_BYTES, SCHEMA)
    except RunFolderError:
        return None
    kind, arguments = document.get("kind"), document.get("arguments", {})
    return Request(kind, arguments) if kind in KINDS and isinstance(arguments, dict) else None
