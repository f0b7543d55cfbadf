"""What the instruments found: for each, its quantities per axis value over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memlab.estimate import over_seeds
from memlab.experiment.grid import Group
from memlab.experiment.instruments import Instrument, instrument, known
from memlab.reports.findings import InstrumentFindings, Measured
from memlab.runs.event_log import Event
from memlab.runs.instrument_notes import notes_of
from memlab.runs.view import RunView
from memlab.strict_json import number, tamed, whole
from memlab.text import plain

LONGEST = 1e12  # seconds; a damaged log may say more


def instrument_findings(
    view: RunView,
    groups: Sequence[Group],
    axis_values: Sequence[Mapping[str, object]],
    diverged: set[int],
    events: Sequence[Event],
) -> dict[str, InstrumentFindings]:
    """The findings of every instrument that measured or failed, by its name.

    `axis_values` are those of the report's rows, one per group.
    """
    failed = {
        plain(e.data.get("instrument")): plain(e.data.get("reason")) for e in _of(events, True)
    }
    costs, training = _costs(events)
    notes = notes_of(events)
    names = {*view.instruments, *failed}
    found = {}
    for name in (name for name in known() if name in names):
        made = instrument(name)
        rows = [
            _row(view, made, group, [m for m in group.members if m not in diverged], values)
            for group, values in zip(groups, axis_values, strict=True)
        ]
        found[name] = InstrumentFindings(
            title=made.title,
            about=made.about,
            source=made.source,
            quantities={q.name: Measured(about=q.about, unit=q.unit) for q in made.quantities},
            headline=made.headline,
            rows=rows,
            seconds=costs.get(name),
            share=costs[name] / training if name in costs and training > 0 else None,
            failed=failed.get(name),
            notes=notes.get(name, ()),
        )
    return found


def _row(
    view: RunView,
    made: Instrument,
    group: Group,
    members: Sequence[int],
    axis_values: Mapping[str, object],
) -> dict[str, Any]:
    """One axis value: label, epoch, and every quantity at the last measurement."""
    row: dict[str, Any] = {**axis_values, "label": group.label or "all", "epoch": None}
    for declared in made.quantities:
        metric = f"{made.name}.{declared.name}"
        values = view.newest(metric, members)
        if not declared.shape:
            found = over_seeds(values.ravel())
            row[declared.name] = found.document() if found.n else None
            curve = view.curve(metric, members)
            there = np.isfinite(curve.mean)
            if there.any():
                row["epoch"] = float(curve.epoch[there][-1])
                row[f"{declared.name}_first"] = float(curve.mean[there][0])
                row[f"{declared.name}_highest"] = float(curve.mean[there].max())
        elif values.size:
            row[declared.name] = {"mean": _mean(values), "n": len(values)}
        else:
            row[declared.name] = None
    return row


def _mean(values: np.ndarray) -> Any:
    """The mean over members as nested lists, null where no member has a value."""
    there = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean = np.where(there, values, 0.0).sum(0) / there.sum(0)
    return tamed(mean.tolist())


def _of(events: Sequence[Event], failures: bool) -> list[Event]:
    kind = "instrument-failed" if failures else "instruments-cost"
    return [event for event in events if event.type == kind]


def _costs(events: Sequence[Event]) -> tuple[dict[str, float], float]:
    """Seconds by instrument, and of training, over all stacks; a stack's last word counts."""
    latest = {whole(event.data.get("stack")): event.data for event in _of(events, False)}
    costs: dict[str, float] = {}
    training = 0.0
    for data in latest.values():
        seconds = data.get("seconds")
        training += number(data.get("training"), 0, LONGEST) or 0.0
        for name, value in (seconds if isinstance(seconds, dict) else {}).items():
            costs[name] = costs.get(name, 0.0) + (number(value, 0, LONGEST) or 0.0)
    return costs, training
