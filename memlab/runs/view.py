"""What every viewer of a run uses: the app, the console, the reports.

`refresh` looks for what is new and reads only that; curves are made when asked for, from the
columns of the members that are drawn, and extended by new rows from then on. Opening a view never
changes the run. Damage is told in `problems`, not raised, once the experiment itself is readable.
"""

from __future__ import annotations

import os
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs.curve import Curve, StackCurve, curve_of
from memlab.runs.door import Missing
from memlab.runs.event_log import LATEST, Event, EventReader
from memlab.runs.guessing import Guessing
from memlab.runs.moments import combined
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import RunState
from memlab.runs.table import Table
from memlab.runs.worker_time import WorkerTime
from memlab.strict_json import number

KEPT_EVENTS = 2_000
KEPT_CURVES = 512
SERIES = "series"
MOST_MEMBERS = 1 << 20
PROGRESS, MEMORIZED, STACK, INSTRUMENT = "progress", "memorized", "stack-", "instrument-"


@dataclass(frozen=True)
class Progress:
    """How far a run is. `time` is unix time; examples are counted over all members and stacks."""

    time: float
    stack: int
    update: int
    updates_total: int
    done_examples: int
    total_examples: int
    samples_per_second: float
    epoch: float
    epochs_total: float

    @property
    def fraction(self) -> float:
        """Of all examples, in [0, 1]."""
        return min(1.0, self.done_examples / self.total_examples) if self.total_examples else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the present speed; None where it is not known, or not how much there will be."""
        if not self.samples_per_second > 0 or not self.total_examples:
            return None
        return max(0, self.total_examples - self.done_examples) / self.samples_per_second


@dataclass(frozen=True)
class Memorized:
    """A corrupted example that was just fitted: labels, and the picture [height, width] uint8."""

    epoch: float
    member: int
    index: int
    given: int
    true: int
    picture: NDArray[np.uint8]


@dataclass(frozen=True)
class Seat:
    """Where a member's values are: its stack's table and the column in it."""

    stack: str
    column: int


class RunView:
    """A run as of the last `refresh`."""

    def __init__(self, folder: RunFolder, most: int | None = None) -> None:
        """Opens the run and reads it once.

        `most` bounds the points that are kept of each curve, for who follows a run: beyond, curves
        are thinned, extremes kept. Without it every row is kept, for who computes with them.

        Raises:
            RunFolderError: if it is no run, damaged in its experiment, or of a newer version.
        """
        self.folder = folder
        self.most = most
        self.experiment_toml = folder.experiment_toml()
        self.environment: Mapping[str, object] = folder.environment()
        self.state: RunState = folder.state
        self.events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self.tables: dict[str, Table] = {}
        self.seats: dict[int, Seat] = {}
        self.finished: dict[int, float] = {}
        self.diverged: dict[int, float] = {}
        self.guessing = Guessing()
        self._worker_time = WorkerTime()
        self._broken: dict[str, str] = {}
        self._reader = EventReader(folder.events)
        self._looks = 0
        self._grown: dict[str, int] = {}
        self._curves: OrderedDict[tuple[str, str, bytes], StackCurve] = OrderedDict()
        self.refresh()

    def refresh(self) -> bool:
        """Looks for what is new; whether anything is."""
        state = self.folder.state
        changed = state != self.state
        self.state = state
        self._looks += 1
        events = self._reader.read()
        for event in events:
            self._note(event)
        changed = self._find_tables() or changed or bool(events)
        for name, table in self.tables.items():
            try:
                if table.refresh():
                    changed, self._grown[name] = True, self._looks
                self._broken.pop(name, None)
            except RunFolderError as error:
                changed = self._broken.get(name) != str(error) or changed
                self._broken[name] = str(error)
        return changed

    @property
    def problems(self) -> tuple[str, ...]:
        """What in the folder is damaged and therefore not shown, a sentence each."""
        found = list(self._broken.values())
        found += [table.damaged for table in self.tables.values() if table.damaged]
        if self._reader.problem:
            found.append(self._reader.problem)
        if self._reader.skipped:
            lines = "line is" if self._reader.skipped == 1 else "lines are"
            found.append(f"{self.folder.events}: {self._reader.skipped} {lines} not an event.")
        return tuple(found)

    @property
    def stacks(self) -> dict[str, Table]:
        """The tables of stacks by name, in order."""
        return {name: self.tables[name] for name in sorted(self.tables) if name.startswith(STACK)}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of metrics, in the order of the tables."""
        return tuple(dict.fromkeys(m for table in self.stacks.values() for m in _metrics(table)))

    @property
    def instruments(self) -> tuple[str, ...]:
        """The names of instruments that have measured, in the order of their tables."""
        names = (str(table.attributes.get("instrument")) for table in self.tables.values())
        return tuple(dict.fromkeys(name for name in names if name != "None"))

    @property
    def progress(self) -> Progress | None:
        """The latest progress; None until there is some."""
        table = self.tables.get(PROGRESS)
        row = _newest(table, 1) if table is not None else None
        if row is None or not len(row):
            return None
        try:
            return Progress(**{name: row[0][name].item() for name in Progress.__annotations__})
        except ValueError:
            return None

    @property
    def worked_seconds(self) -> float | None:
        """Wall-clock seconds of its workers so far, pauses included; None before the first."""
        progress = self.progress
        sign = number(progress.time, 0, LATEST) if progress is not None else None
        return self._worker_time.seconds(sign or 0.0)

    def memorized(self, count: int) -> list[Memorized]:
        """The latest corrupted examples to be fitted, newest first, at most `count`."""
        found: list[tuple[int, Memorized]] = []
        for name, table in self.tables.items():
            if name.startswith(MEMORIZED):
                rows = _newest(table, count)
                grown = self._grown.get(name, 0)
                found += [(grown, shown) for shown in _shown(rows)]
        found.sort(key=lambda entry: (entry[0], entry[1].epoch), reverse=True)
        return [shown for _, shown in found[:count]]

    def curve(
        self,
        metric: str,
        members: Sequence[int],
        points: int | None = None,
        span: tuple[float, float] | None = None,
    ) -> Curve:
        """The mean of `metric` over `members` with its interval, against the nominal epoch.

        `NAME.QUANTITY` is a quantity of the instrument NAME, one value a member.
        Members may be spread over stacks; those of a stack that has not reached an epoch are left
        out there, as are diverged ones. Members that are not there yet, and metrics that a stack
        does not have, are left out too.

        Args:
            points: at most so many points, extremes kept; None for all.
            span: only the epochs between these two, to zoom in.
        """
        columns: dict[str, list[int]] = {}
        for member in sorted(set(members)):
            seat = self.seats.get(member)
            home = self.home(seat.stack, metric) if seat is not None else None
            if seat is not None and home is not None:
                columns.setdefault(home[0], []).append(seat.column)
        column = metric.partition(".")[2] or metric
        shares = [
            self._stack_curve(name, column, where).extend() for name, where in columns.items()
        ]
        return curve_of(combined(shares, [self._ended(name) for name in columns]), points, span)

    def latest(self, metric: str, members: int | None = None) -> NDArray[np.float64]:
        """The newest value for each member, [members]; NaN where there is none.

        `members` is how many there are in the grid; without it, as many as have a table.
        """
        count = max(self.seats, default=-1) + 1 if members is None else members
        values = np.full(count, np.nan)
        for table in self.stacks.values():
            if metric not in table.columns or not len(table):
                continue
            where = np.asarray(members_of(table), np.int64)
            inside = where < count
            try:
                values[where[inside]] = table.read(metric, len(table) - 1)[0][inside]
            except RunFolderError:
                continue
        return values

    def newest(self, metric: str, members: Sequence[int]) -> NDArray[np.float64]:
        """The newest values of an instrument's quantity, `NAME.QUANTITY`, [found members, *shape].

        Members without a measurement are left out; (0,) where there is none at all.
        """
        found = []
        for member in members:
            seat = self.seats.get(member)
            home = self.home(seat.stack, metric) if seat is not None else None
            if seat is None or home is None or not len(self.tables[home[0]]):
                continue
            table, column = self.tables[home[0]], home[1]
            try:
                found.append(table.read(column, len(table) - 1, None, [seat.column])[0, 0])
            except RunFolderError:
                continue
        same = [values for values in found if values.shape == found[0].shape]
        return np.array(same, np.float64)

    def home(self, stack: str, metric: str) -> tuple[str, str] | None:
        """The table that has a stack's values of `metric`, and the column; None for none."""
        instrument, dot, quantity = metric.partition(".")
        name, column = stack, metric
        if dot:
            name, column = f"{INSTRUMENT}{instrument}-{stack.removeprefix(STACK)}", quantity
        table = self.tables.get(name)
        return (name, column) if table is not None and column in table.columns else None

    def _stack_curve(self, stack: str, metric: str, columns: list[int]) -> StackCurve:
        key = (stack, metric, np.asarray(columns, np.int64).tobytes())
        made = self._curves.get(key)
        if made is None or made.table is not self.tables[stack]:
            made = self._curves[key] = StackCurve(self.tables[stack], metric, columns, self.most)
        self._curves.move_to_end(key)
        while len(self._curves) > KEPT_CURVES:
            self._curves.popitem(last=False)
        return made

    def _ended(self, stack: str) -> bool:
        if self.state.state == "finished":
            return True
        gone = self.finished.keys() | self.diverged.keys()
        return all(member in gone for member in members_of(self.tables[stack]))

    def _note(self, event: Event) -> None:
        self.events.append(event)
        self.guessing.note(event)
        self._worker_time.note(event)
        member, epoch = event.data.get("member"), event.data.get("epoch")
        if isinstance(member, int) and event.type in ("member-finished", "member-diverged"):
            when = float(epoch) if isinstance(epoch, (int, float)) else float("nan")
            known = self.finished if event.type == "member-finished" else self.diverged
            known[member] = when

    def _find_tables(self) -> bool:
        try:
            names = self.folder.series.list()
            self._broken.pop(SERIES, None)
        except Missing:
            return False
        except RunFolderError as error:
            changed = self._broken.get(SERIES) != str(error)
            self._broken[SERIES] = str(error)
            return changed
        found = False
        for file in names:
            name, suffix = os.path.splitext(file)
            if suffix == ".json" and not name.startswith(".") and name not in self.tables:
                found = self._open(name) or found
        return found

    def _open(self, name: str) -> bool:
        try:
            table = Table.open(self.folder.series / name)
            if name.startswith(STACK):
                self._seat(name, table)
        except RunFolderError as error:
            fresh = name not in self._broken
            self._broken[name] = str(error)
            return fresh
        self._broken.pop(name, None)
        self.tables[name] = table
        return True

    def _seat(self, name: str, table: Table) -> None:
        members = members_of(table)
        if "epoch" not in table.columns or any(
            table.dtype[metric].shape != (len(members),) for metric in _metrics(table)
        ):
            raise RunFolderError(f"{table.place} is not the table of a stack; it is damaged.")
        self.seats.update({member: Seat(name, column) for column, member in enumerate(members)})


def members_of(table: Table) -> tuple[int, ...]:
    """The member that each column of a stack's table belongs to.

    Raises:
        RunFolderError: if its description does not say.
    """
    members = table.attributes.get("members")
    if not isinstance(members, list) or not all(
        isinstance(m, int) and 0 <= m < MOST_MEMBERS for m in members
    ):
        raise RunFolderError(f"{table.place} does not say which members it is of; it is damaged.")
    return tuple(members)


def _metrics(table: Table) -> tuple[str, ...]:
    return tuple(name for name in table.columns if table.dtype[name].shape)


def _shown(rows: NDArray[np.void] | None) -> list[Memorized]:
    """Rows of a stack's stream, the newest first; none where they are not what they should be."""
    if rows is None:
        return []
    try:
        return [
            Memorized(
                float(row["epoch"]),
                int(row["member"]),
                int(row["index"]),
                int(row["given"]),
                int(row["true"]),
                np.array(row["picture"], np.uint8),
            )
            for row in rows[::-1]
        ]
    except ValueError:
        return []


def _newest(table: Table, count: int) -> NDArray[np.void] | None:
    if not len(table):
        return None
    try:
        return table.newest(count)
    except RunFolderError:
        return None
