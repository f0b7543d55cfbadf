"""Reads a run for the Instruments screen: one `InstrumentsFrame` a call, made in a thread.

What words and figures mean is in `instrument_model`; how they look is the screen's affair.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from memlab.charts.plot import Series
from memlab.errors import RunFolderError
from memlab.estimate import means
from memlab.experiment.instruments import Quantity
from memlab.numbers import IMPOSSIBLE
from memlab.runs.ledger import LedgerView, read_ledger
from memlab.runs.view import RunView
from memlab.tui.axis_values import AxisValue
from memlab.tui.watch import instrument_model as model
from memlab.tui.watch.curves import Content, drawn, series_of, steady
from memlab.tui.watch.example_stream import Stream, example_stream
from memlab.tui.watch.instrument_lines import InstrumentEvents, newest_of, shapes_of
from memlab.tui.watch.model import axis
from memlab.tui.watch.reader import WatchReader

LEDGER = "ledger"
LEDGER_SECONDS = 1.0
LEDGER_REST = 10  # times as long as reading took, so that a large ledger costs a tenth
GRID = 256  # points of a profile whose members have abscissae of their own
DEEPEST = 1e-7  # of the highest value is drawn on a logarithmic axis
FEW = 12  # points that are drawn with markers
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Request:
    """What the screen shows now; `chosen` is `NAME` or `NAME.QUANTITY`."""

    chosen: str | None = None
    cursor: str | None = None
    points: int = 640
    dark: bool = True
    plain: bool = False


@dataclass(frozen=True)
class Entry:
    """A row of the list: an instrument (no quantity), or one of its quantities."""

    key: str
    label: str
    value: str = ""
    failed: bool = False

    @property
    def heads(self) -> bool:
        """Whether it is an instrument."""
        return "." not in self.key


@dataclass(frozen=True)
class Detail:
    """The chosen quantity: `content` for a chart, or `matrix` for a heat map."""

    key: str
    title: str
    words: tuple[str, ...]
    drawing: model.Drawing | None = None
    content: Content = field(default_factory=Content)
    axis: str = "epoch"
    log: bool = False
    pointed: bool = False
    matrix: tuple[tuple[float, ...], ...] = ()
    low: float | None = None
    axes: str = ""


@dataclass(frozen=True)
class InstrumentsFrame:
    """Everything on the screen at one moment; no stream but for the ledger."""

    values: tuple[AxisValue, ...]
    cursor: str
    entries: tuple[Entry, ...]
    detail: Detail | None = None
    stream: Stream | None = None


class InstrumentsReader:
    """Follows the instruments of one run; used by one thread at a time."""

    def __init__(self, watch: WatchReader) -> None:
        self.watch = watch
        self._events = InstrumentEvents(watch.folder)
        self._last: Request | None = None
        self._ledgers: tuple[LedgerView, ...] = ()
        self._ledger_due = 0.0
        self._ledger_stale = True
        self._problem = ""

    def read(self, request: Request) -> InstrumentsFrame | None:
        """The instruments as they are now; None where nothing changed since the last call."""
        view = self.watch.view
        changed = view.refresh()
        self._ledger_stale = self._ledger_stale or changed
        wants_ledger = (request.chosen or "").partition(".")[0] == LEDGER
        waited = wants_ledger and self._ledger_stale and time.monotonic() >= self._ledger_due
        if not changed and request == self._last and not waited:
            return None
        self._last = request
        costs = self._events.read()
        values = self.watch.values(request.dark)
        here = next((v for v in values if v.key == request.cursor), values[0])
        on = self.watch.experiment.instruments.names
        names = (*on, *(name for name in view.instruments if name not in on))
        shapes = {name: shapes_of(view, name) for name in names}
        cards = {name: model.card(name, shapes[name]) for name in names}
        entries = [e for name in names for e in _entries(view, cards[name], shapes, costs, here)]
        chosen = request.chosen or (entries[0].key if entries else "")
        shown = cards.get(chosen.partition(".")[0])
        detail = stream = None
        if shown is not None:
            detail = self._detail(chosen, shown, request, values, here, costs)
            stream = self._stream(here, request.dark) if shown.name == LEDGER else None
        return InstrumentsFrame(values, here.key, tuple(entries), detail, stream)

    def _detail(
        self,
        chosen: str,
        shown: model.Card,
        request: Request,
        values: Sequence[AxisValue],
        here: AxisValue,
        costs: model.Costs,
    ) -> Detail | None:
        quantity = shown.quantity(chosen.partition(".")[2] or shown.headline)
        if quantity is None:
            return None
        about, does, source = model.words(shown, quantity)
        failed = costs.failed.get(shown.name)
        said = " · ".join(text for text in (costs.said(shown.name), source) if text)
        trouble = f"Switched off: {failed}" if failed else ""
        title = f"{shown.title}: {quantity.name.replace('_', ' ')}"
        notes = " ".join(costs.notes.get(shown.name, ()))
        lines = tuple(text for text in (about, trouble, notes, does, said) if text)
        against = axis(self.watch.experiment)
        detail = Detail(
            chosen, title, lines, model.drawing(quantity), axis=against, low=quantity.low
        )
        seen = drawn(values, here.key, True)
        if detail.drawing == "heat map":
            made = matrix_detail(self.watch.view, shown, quantity, here, detail)
        elif detail.drawing == "profile":
            made = profile_detail(self.watch.view, shown, quantity, seen, request, detail)
        else:
            made = time_detail(self.watch.view, shown, quantity, seen, request, detail)
        if trouble:
            made = replace(made, content=replace(made.content, empty=trouble))
        return made if made.pointed is False else _bare(made, here.key)

    def _stream(self, here: AxisValue, dark: bool) -> Stream:
        now = time.monotonic()
        if self._ledger_stale and now >= self._ledger_due:
            try:
                self._ledgers, self._problem = read_ledger(self.watch.folder), ""
            except RunFolderError as error:
                self._problem = str(error)
            rest = LEDGER_REST * (time.monotonic() - now)
            self._ledger_due = now + max(LEDGER_SECONDS, rest)
            self._ledger_stale = False
        return replace(example_stream(self._ledgers, here.members, dark), problem=self._problem)


def _entries(
    view: RunView,
    shown: model.Card,
    shapes: dict[str, dict[str, tuple[int, ...]]],
    costs: model.Costs,
    here: AxisValue,
) -> list[Entry]:
    """The instrument's row, then one for each of its quantities."""
    name, measured = shown.name, shapes[shown.name]
    failed = name in costs.failed
    word = "✗ off" if failed else "" if measured else "·"
    entries = [Entry(name, name.replace("-", " "), word, failed)]
    for quantity in model.listed(shown, tuple(measured)):
        shape = measured.get(quantity.name)
        if shape is None:
            value = "·"
        elif shape:
            value = " × ".join(map(str, shape))
        else:
            found = newest_of(view.curve(f"{name}.{quantity.name}", here.members))
            value = model.figure(found[0]) if found else IMPOSSIBLE
        entries.append(Entry(f"{name}.{quantity.name}", quantity.name.replace("_", " "), value))
    return entries


def time_detail(
    view: RunView,
    shown: model.Card,
    quantity: Quantity,
    values: Sequence[AxisValue],
    request: Request,
    detail: Detail,
) -> Detail:
    """A scalar over time, one curve per axis value."""
    series, most = [], 0
    for value in values:
        curve = steady(view.curve(f"{shown.name}.{quantity.name}", value.members), request.points)
        there = np.isfinite(curve.mean)
        if there.any():
            marker = value.letter if request.plain else value.marker
            series.append(series_of(curve, value.key, value.colour, marker))
            most = max(most, int(there.sum()))
    return replace(detail, content=Content(tuple(series)), pointed=0 < most <= FEW)


def profile_detail(
    view: RunView,
    shown: model.Card,
    quantity: Quantity,
    values: Sequence[AxisValue],
    request: Request,
    detail: Detail,
) -> Detail:
    """A one-dimensional quantity as it is now, against its abscissa or its index."""
    against = quantity.against if quantity.against and not quantity.against.places else None
    across, most, series = "", 0, []
    for value in values:
        ys = view.newest(f"{shown.name}.{quantity.name}", value.members)
        if ys.ndim != 2 or not ys.shape[1]:
            continue
        if against is None:
            places, across = model.places(quantity, ys.shape[1])
            x = np.array(places)
        else:
            other = shown.quantity(against.name)
            across = against.name + (f" [{other.unit}]" if other and other.unit else "")
            xs = view.newest(f"{shown.name}.{against.name}", value.members)
            if xs.shape != ys.shape:
                continue
            x, ys = common_grid(xs, ys, against.outside)
        mean, half = means(ys)
        if against is not None and against.log:
            highest = mean[np.isfinite(mean)].max(initial=0.0)
            mean = np.where((highest <= 0) | (mean > DEEPEST * highest), mean, np.nan)
        if not np.isfinite(mean).any():
            continue
        marker = value.letter if request.plain else value.marker
        low, high = (mean - half).tolist(), (mean + half).tolist()
        line = Series(value.key, value.colour, marker, x.tolist(), mean.tolist(), low, high)
        series.append(line)
        most = max(most, len(x))
    log = against is not None and against.log
    content = Content(tuple(series))
    return replace(detail, content=content, axis=across, log=log, pointed=0 < most <= FEW)


def matrix_detail(
    view: RunView, shown: model.Card, quantity: Quantity, here: AxisValue, detail: Detail
) -> Detail:
    """A two-dimensional quantity of one axis value as it is now, the mean over its members."""
    found = view.newest(f"{shown.name}.{quantity.name}", here.members)
    rows, columns = quantity.shape
    axes = f"{rows} by {columns}" if rows == columns else f"down: {rows} · across: {columns}"
    if found.ndim != 3:
        return replace(detail, axes=axes)
    mean = means(found)[0]
    each = f", mean of {len(found)}" if len(found) > 1 else ""
    return replace(
        detail,
        title=f"{detail.title} ({here.label}{each})",
        matrix=tuple(tuple(row) for row in mean.tolist()),
        axes=axes,
    )


def common_grid(xs: Values, ys: Values, outside: float) -> tuple[Values, Values]:
    """Curves [members, points] at abscissae that all share, [points]; the same ones if they do."""
    fine = np.isfinite(xs).all(1)
    xs, ys = xs[fine], ys[fine]
    if not len(xs):
        return np.empty(0), np.empty((1, 0))
    if np.allclose(xs, xs[0], rtol=1e-9, atol=0.0):
        return xs[0], ys
    grid = np.linspace(xs.min(), xs.max(), GRID)
    order = np.argsort(xs, axis=1)
    xs, ys = np.take_along_axis(xs, order, 1), np.take_along_axis(ys, order, 1)
    moved = [np.interp(grid, x, y, outside, outside) for x, y in zip(xs, ys, strict=True)]
    return grid, np.array(moved)


def _bare(detail: Detail, cursor: str) -> Detail:
    """Where points have markers only the curve under the cursor keeps its interval, on top."""
    others = [replace(s, low=None, high=None) for s in detail.content.series if s.name != cursor]
    series = (*others, *(s for s in detail.content.series if s.name == cursor))
    return replace(detail, content=replace(detail.content, series=series))
