"""What the library says of a run, in cells and sentences. Pure; reading is `reader`."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memlab.experiment import datasets
from memlab.experiment.recorded import source_of
from memlab.numbers import clock, count, number, percent, size
from memlab.runs.state import RunState
from memlab.text import plain
from memlab.tui import palette
from memlab.tui.widgets.columns import Coloured, Column

MARKED = "◉"
#: Behind an accuracy on validation data, under a heading that says test.
VALIDATED = " val"
#: Before the title of a run from elsewhere.
GUEST = "guest:"


@dataclass(frozen=True)
class Entry:
    """One run; None is not known yet. `size` in bytes, `made` in unix time, `took` in seconds.

    `result` are accuracies on test data, or, where nothing was tested (`validated`), on validation
    data.
    """

    id: str
    title: str
    dataset: str
    members: int
    made: float
    state: RunState
    took: float | None = None
    size: int | None = None
    result: tuple[float, ...] = ()
    progress: float | None = None
    sparkline: str = ""
    problem: str = ""
    guest: bool = False
    recorded: bool = False
    validated: bool = False

    @property
    def living(self) -> bool:
        """Whether a worker holds it."""
        return self.state.living


COLUMNS = (
    Column("mark", "", 1, sortable=False),
    Column("state", "state", 13),
    Column("title", "run", flexible=True),
    Column("dataset", "data", 14, priority=3),
    Column("members", "members", 9, "right", priority=4),
    Column("when", "started", 15, priority=1),
    Column("took", "took", 10, "right", priority=5),
    Column("result", "test accuracy", 15),
    Column("spark", "validation", 14, sortable=False, priority=6),
    Column("size", "on disk", 9, "right", priority=2),
)


def cells(entry: Entry, marked: bool, dark: bool, now: float) -> list[object]:
    """The cells in the order of `COLUMNS`."""
    look = palette.state(entry.state.state)
    colour = look.colour(dark)
    return [
        Coloured(MARKED if marked else " ", palette.palette(dark).changed, True),
        Coloured(f"{look.mark} {entry.state.state}", colour, True),
        f"{GUEST} {entry.title}" if entry.guest else entry.title,
        entry.dataset,
        count(entry.members),
        when(entry.made, now),
        clock(entry.took),
        result(entry),
        Coloured(entry.sparkline, palette.palette(dark).unseen),
        size(entry.size),
    ]


def result(entry: Entry) -> str:
    """Test accuracy at the end, first to last axis value; while it runs, how far it is.

    What is of validation data says so, as the column's heading does not.
    """
    if entry.problem:
        return "unreadable"
    if not entry.state.final:
        return percent(entry.progress) if entry.progress is not None else "·"
    known = [value for value in entry.result if math.isfinite(value)]
    if not known:
        return "–"
    of = VALIDATED if entry.validated else ""
    if len(known) == 1:
        return f"{number(known[0])}{of}"
    return f"{number(known[0])} … {number(known[-1])}{of}"


def when(made: float, now: float) -> str:
    """Minutes and hours ago, then the day."""
    ago = max(0.0, now - made)
    if ago < 90:
        return "just now"
    if ago < 3600:
        return f"{round(ago / 60)} min ago"
    if ago < 86_400:
        return f"{round(ago / 3600)} h ago"
    return time.strftime("%d %b %Y", time.localtime(made)).lstrip("0")


def matches(entry: Entry, words: str) -> bool:
    """Whether every word is in the run's id, title, dataset or state."""
    text = f"{entry.id} {entry.title} {entry.dataset} {entry.state.state}".lower()
    return all(word in text for word in words.lower().split())


def described(tree: Mapping[str, Any]) -> tuple[str, str, int]:
    """Title, dataset and number of members of an experiment's tables, unvalidated and cheap."""
    axes = tree.get("axes", {})
    dataset = axes.get("dataset.name") or [tree.get("dataset", {}).get("name", datasets.DEFAULT)]
    seeds = tree.get("seeds", 1)
    cells = math.prod(len(values) for values in axes.values())
    each = seeds if isinstance(seeds, int) else len(seeds)
    named = source_of(tree) or "/".join(map(str, dataset))
    return plain(tree.get("title", "")), plain(named), cells * each


def losing(entry: Entry) -> str:
    """What deleting a run takes away."""
    members = "1 network" if entry.members == 1 else f"{count(entry.members)} networks"
    name = plain(entry.id)
    return (
        f"{name}\n{entry.title}: {members}, {size(entry.size)} on disk: its measurements,"
        " checkpoints and report. This cannot be undone."
    )


def adopting(entry: Entry) -> str:
    """What adopting a run from elsewhere allows."""
    return (
        f"{plain(entry.id)}\nThis memlab did not make it. Once adopted it can be resumed, forked "
        "and reused by claims, and its checkpoints are read. Do it if you trust who made it."
    )


def heading(entries: Sequence[Entry], shown: int, marked: int) -> str:
    """One line over the list: how many, how many live, what is marked."""
    living = sum(entry.living for entry in entries)
    total = sum(entry.size or 0 for entry in entries)
    parts = [f"{count(len(entries))} run{'s' if len(entries) != 1 else ''}"]
    if shown != len(entries):
        parts = [f"{count(shown)} of {parts[0]}"]
    if living:
        parts.append(f"{living} living")
    parts.append(size(total))
    if marked:
        parts.append(f"{marked} marked" + (": v compares them" if marked > 1 else ""))
    return " · ".join(parts)
