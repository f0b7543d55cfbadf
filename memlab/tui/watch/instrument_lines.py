"""One line per instrument for the pane in Watch: newest value, sparkline, failure or wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memlab.experiment.instruments import headline_name
from memlab.numbers import IMPOSSIBLE
from memlab.runs.curve import Curve
from memlab.runs.event_log import Event, EventReader
from memlab.runs.instrument_notes import NOTE
from memlab.runs.run_folder import RunFolder
from memlab.runs.view import RunView
from memlab.tui.watch import instrument_model as model
from memlab.tui.watch.curves import steady
from memlab.tui.watch.model import so_far

SPARKLINE = 24
TOLD = ("instruments-cost", "instrument-failed", NOTE)


@dataclass(frozen=True)
class InstrumentLine:
    """One instrument: `value` is of its headline, `spark` the same over time.

    `note` says what a reader should know of how it is measured.
    """

    name: str
    label: str
    value: str = ""
    spark: str = ""
    failed: str = ""
    note: str = ""

    @property
    def waits(self) -> bool:
        """Whether nothing is known of it."""
        return not self.value and not self.failed


class InstrumentEvents:
    """What a run's events say about instruments, however many other events there are."""

    def __init__(self, folder: RunFolder) -> None:
        self._reader = EventReader(folder.events)
        self._kept: list[Event] = []
        self._costs = model.costs(())

    def read(self) -> model.Costs:
        """Costs and failures as of now; reads only what is new."""
        fresh = [event for event in self._reader.read() if event.type in TOLD]
        if fresh:
            self._kept += fresh
            self._costs = model.costs(self._kept)
        return self._costs


def shapes_of(view: RunView, name: str) -> dict[str, tuple[int, ...]]:
    """The measured quantities of an instrument with their shapes after `[members]`."""
    found: dict[str, tuple[int, ...]] = {}
    for table in view.tables.values():
        if table.attributes.get("instrument") == name:
            shapes = {column: table.dtype[column].shape for column in table.columns}
            found |= {column: shape[1:] for column, shape in shapes.items() if shape}
    return found


def newest_of(curve: Curve) -> tuple[float, float] | None:
    """Mean and half-width at the last point that has a mean; None where none has."""
    there = np.flatnonzero(np.isfinite(curve.mean))
    if not there.size:
        return None
    at = int(there[-1])
    return float(curve.mean[at]), float(curve.half[at])


def instrument_lines(
    view: RunView,
    on: Sequence[str],
    costs: model.Costs,
    members: Sequence[int],
    epochs: float | None = None,
) -> tuple[InstrumentLine, ...]:
    """A line for every instrument that is on or has measured; means over `members`."""
    names = (*on, *(name for name in view.instruments if name not in on))
    return tuple(_line(view, name, costs, members, epochs) for name in names)


def _line(
    view: RunView,
    name: str,
    costs: model.Costs,
    members: Sequence[int],
    epochs: float | None,
) -> InstrumentLine:
    shapes = shapes_of(view, name)
    shown = model.card(name, shapes)
    label, failed = headline_name(name, shown.headline), costs.failed.get(name, "")
    if not shapes:
        return InstrumentLine(name, label, failed=failed)
    curve = steady(view.curve(f"{name}.{shown.headline}", members), 512)
    found, note = newest_of(curve), " ".join(costs.notes.get(name, ()))
    if found is None:
        return InstrumentLine(name, label, IMPOSSIBLE, failed=failed, note=note)
    finite = curve.mean[np.isfinite(curve.mean)]
    spark = so_far(curve, SPARKLINE, epochs, float(finite.min()), float(finite.max()))
    return InstrumentLine(name, label, model.figure(*found), spark, failed, note)
