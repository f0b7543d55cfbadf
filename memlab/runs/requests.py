"""What viewers ask of a worker: one small file each in `requests/`, taken in order.

The names start with the time, so that their order is the order of asking.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from memlab.atomic import storing, write_atomically

RequestKind = Literal["pause", "resume", "stop", "checkpoint", "fork"]
KINDS: tuple[str, ...] = get_args(RequestKind)
REQUESTS_FOLDER = "requests"
MAX_BYTES = 1 << 16


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
    """
    requests = folder / REQUESTS_FOLDER
    with storing(requests):
        requests.mkdir(exist_ok=True)
    name = f"{time.time_ns():020d}-{secrets.token_hex(3)}.json"
    document = json.dumps({"kind": kind, "arguments": arguments})
    write_atomically(requests / name, document.encode())


def take_all(folder: Path) -> Taken:
    """Takes what was asked of the run in `folder`, oldest first, deleting each file.

    What is no request is deleted too where it is a file, and named. Hidden files are left: they
    are requests being written.
    """
    requests = folder / REQUESTS_FOLDER
    try:
        names = sorted(name for name in os.listdir(requests) if not name.startswith("."))
    except OSError:
        return Taken()
    taken: list[Request] = []
    ignored: list[str] = []
    for name in names:
        request = _read(requests / name)
        try:
            os.unlink(requests / name)
        except FileNotFoundError:
            continue
        except OSError:
            continue  # a folder, or not ours to delete: it would be taken again and again
        if request is None:
            ignored.append(name)
        else:
            taken.append(request)
    return Taken(tuple(taken), tuple(ignored))


def _read(path: Path) -> Request | None:
    try:
        if not path.is_file():
            return None
        with open(path, "rb") as file:
            document = json.loads(file.read(MAX_BYTES))
        if not isinstance(document, dict) or document.get("kind") not in KINDS:
            return None
        arguments = document.get("arguments", {})
        return Request(document["kind"], arguments) if isinstance(arguments, dict) else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None
