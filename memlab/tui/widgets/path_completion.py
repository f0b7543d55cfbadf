"""Completing a path as a shell does: as far as it is certain, and what may follow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 40


@dataclass(frozen=True)
class Completion:
    """The text as far as it is certain, and the names that may follow where there are several."""

    text: str
    names: tuple[str, ...] = ()


def complete(text: str, suffix: str = "") -> Completion:
    """Completes `~/da` to `~/data/`; folders, and files that end in `suffix` where one is given.

    Hidden names are offered once a point is typed. What cannot be read has no names. Blocking.
    """
    start = text.rpartition("/")[2]
    shown = text[: len(text) - len(start)]
    if not shown and start == "~":
        return Completion("~/")
    try:
        with os.scandir(os.path.expanduser(shown) or ".") as entries:
            found = sorted(filter(None, (_name(entry, start, suffix) for entry in entries)))
    except (OSError, ValueError):
        return Completion(text)
    if len(found) == 1:
        return Completion(shown + found[0])
    return Completion(shown + _common(found) if found else text, tuple(found[:SHOWN]))


def _common(names: Sequence[str]) -> str:
    """What all names start with; they are sorted, so the first and the last decide."""
    first, last = names[0], names[-1]
    length = next(
        (i for i, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), None
    )
    return first[:length] if length is not None else min(first, last, key=len)


def _name(entry: os.DirEntry[str], start: str, suffix: str) -> str:
    """The name as it is offered, folders with a slash; empty for what does not fit."""
    if not entry.name.startswith(start) or (entry.name.startswith(".") and not start):
        return ""
    try:
        if entry.is_dir():
            return entry.name + "/"
        return entry.name if suffix and entry.name.endswith(suffix) and entry.is_file() else ""
    except OSError:
        return ""
