"""Reads the members of a run for their table, and one member for its own page; in a thread."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memlab.charts.plot import Mark
from memlab.experiment.grid import Member, member_count, members
from memlab.experiment.metrics import (
    LEARNING_RATE,
    RECOVERED_TRUE_LABELS,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    TRAIN_LOSS,
    VALIDATION_ACCURACY,
)
from memlab.numbers import number
from memlab.runs.view import RunView
from memlab.tui import palette
from memlab.tui.watch.curves import Content, series_of, steady
from memlab.tui.watch.reader import ACCURACY, LOSS, WatchReader
from memlab.tui.widgets.columns import Coloured

METRICS = {
    "truth": TRAIN_ACCURACY_CLEAN,
    "lies": TRAIN_ACCURACY_CORRUPTED,
    "recovered": RECOVERED_TRUE_LABELS,
    "unseen": VALIDATION_ACCURACY,
    "train": TRAIN_ACCURACY,
    "loss": TRAIN_LOSS,
}


@dataclass(frozen=True)
class MembersFrame:
    """The newest figures of all members, [members] each, and who has ended how."""

    latest: dict[str, NDArray[np.float64]]
    finished: dict[int, float] = field(default_factory=dict)
    diverged: dict[int, float] = field(default_factory=dict)
    state: str = ""

    def status(self, member: int) -> str:
        """`diverged @ 12`, `finished @ 100`, `training` or `waits`."""
        if member in self.diverged:
            return f"diverged @ {number(self.diverged[member], 0)}"
        if member in self.finished:
            return f"finished @ {number(self.finished[member], 0)}"
        values = self.latest["train"]
        if member >= len(values) or np.isnan(values[member]):
            return "waits"
        return {"running": "training", "": "·"}.get(self.state, self.state)

    def cell(self, member: int, column: str) -> str:
        """The figure of a member as text."""
        if column == "gap":
            train, unseen = self.latest["train"], self.latest["unseen"]
            if member >= len(train):
                return "·"
            with np.errstate(invalid="ignore", over="ignore"):  # infinities of odd tables
                return _figure(train[member] - unseen[member])
        values = self.latest[column]
        return _figure(values[member]) if member < len(values) else "·"


def _figure(value: float) -> str:
    return number(float(value)).rjust(5) if np.isfinite(value) else "–"


@dataclass(frozen=True)
class MemberRow:
    """What of a member never changes."""

    key: str
    name: Coloured
    seed: int
    group: str


def member_rows(reader: WatchReader, dark: bool, plain: bool) -> list[MemberRow]:
    """One row per member, in order; cheap for thousands, as no experiment is made per member."""
    rows = []
    for value in reader.values(dark):
        mark = value.letter if plain else value.marker
        for member, seed in zip(value.members, reader.experiment.seed_list, strict=True):
            name = Coloured(f"{mark} {value.short}", value.colour)
            rows.append(MemberRow(str(member), name, seed, value.key))
    return rows


def read_members(reader: WatchReader) -> MembersFrame:
    """The newest figures; refreshes the view."""
    view = reader.view
    view.refresh()
    total = member_count(reader.experiment)
    latest = {name: view.latest(metric, total) for name, metric in METRICS.items()}
    return MembersFrame(latest, dict(view.finished), dict(view.diverged), view.state.state)


@dataclass(frozen=True)
class MemberFrame:
    """One member's curves and standing."""

    name: str
    status: str
    accuracy: Content
    loss: Content
    rates: Content
    settings: tuple[tuple[str, str], ...]


def member_of(reader: WatchReader, index: int) -> Member:
    """The member of this index, alone."""
    return members(reader.experiment)[index]


def read_member(reader: WatchReader, member: Member, points: int, dark: bool) -> MemberFrame:
    """The member's curves of at most `points` points; refreshes the view."""
    frame = read_members(reader)
    index, view = member.index, reader.view
    marks: list[Mark] = []
    if index in view.diverged:
        marks.append(Mark(view.diverged[index], "diverged", colour=palette.palette(dark).error))
    rate = steady(view.curve(LEARNING_RATE, [index]), points)
    unseen = palette.palette(dark).neutral
    return MemberFrame(
        name=member.name,
        status=frame.status(index),
        accuracy=_kinds(view, ACCURACY, index, points, dark, marks),
        loss=_kinds(view, LOSS, index, points, dark, marks),
        rates=Content((series_of(rate, "η", unseen, "η"),) if np.isfinite(rate.mean).any() else ()),
        settings=settings_of(member),
    )


def settings_of(member: Member) -> tuple[tuple[str, str], ...]:
    """The hyperparameters that matter for this member, named, defaults of no effect left out."""
    made = member.experiment
    if made.recorded is not None:
        known = made.recorded.model_dump(exclude_none=True, exclude_defaults=True)
        return tuple((key.replace("_", " "), _text(value)) for key, value in known.items())
    listed = [("seed", str(member.seed))]
    for section in ("dataset", "corruption", "model", "loss", "optimizer", "schedule"):
        tree = getattr(made, section).model_dump(exclude_none=True)
        head = tree.pop("name", None) or tree.pop("kind", None)
        if section == "optimizer" and head == "sgd":
            tree = {k: v for k, v in tree.items() if not k.startswith(("beta", "eps"))}
        if tree.get("subset") == 1.0:
            del tree["subset"]
        if section == "schedule" and head == "constant":
            tree = {}
        tail = ", ".join(f"{k.replace('_', ' ')} {_text(v)}" for k, v in tree.items() if v)
        listed.append((section, ", ".join(part for part in (str(head or ""), tail) if part)))
    strong = made.regularization.model_dump(exclude_defaults=True)
    words = ", ".join(f"{k.replace('_', ' ')} {_text(v)}" for k, v in strong.items())
    listed.append(("regularization", words or "none"))
    stop = made.stop.model_dump(exclude_none=True)
    listed.append(("stop", ", ".join(f"{k.replace('_', ' ')} {_text(v)}" for k, v in stop.items())))
    return tuple(listed)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _kinds(
    view: RunView,
    metrics: dict[str, str],
    member: int,
    points: int,
    dark: bool,
    marks: list[Mark],
) -> Content:
    colours = palette.palette(dark)
    series = []
    for kind, metric in metrics.items():
        curve = steady(view.curve(metric, [member]), points)
        if np.isfinite(curve.mean).any():
            series.append(
                series_of(curve, kind, getattr(colours, kind), palette.KIND_MARKERS[kind])
            )
    return Content(tuple(series), tuple(marks))
