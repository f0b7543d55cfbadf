"""A claim's figure: claim and control side by side with their difference, then their own panels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memlab.claims import drawing
from memlab.claims.claim import Panel, Values
from memlab.reports.scoreboard import Entry


def panels_of(entry: Entry) -> tuple[Panel, ...]:
    """All panels of the claim's page: the comparison, the claim's own, the control's first."""
    if entry.measured is None:
        return ()
    beside = comparison(entry)
    made = (beside,) if beside is not None else ()
    arm = entry.control
    own = entry.measured.panels
    other = arm.measured.panels[:1] if arm is not None and arm.measured is not None else ()
    named = tuple(
        replace(panel, title=f"control: {panel.title}")
        for panel in other
        if not any(_same(panel, one) for one in own)
    )
    return (*made, *own, *named)


def _same(one: Panel, other: Panel) -> bool:
    """Whether both show the same values, as where claim and control are drawn together."""
    return len(one.lines) == len(other.lines) and all(
        a.label == b.label and np.array_equal(a.y, b.y, equal_nan=True)
        for a, b in zip(one.lines, other.lines, strict=True)
    )


def comparison(entry: Entry) -> Panel | None:
    """Claim, control and what lies between them, each with its interval over replicates.

    For an equality what is known to differ stands in the control's place. None where nothing was
    measured on both.
    """
    arm = entry.control
    if entry.measured is None or arm is None or arm.measured is None:
        return None
    own, other = entry.measured.contrast, arm.measured.contrast
    if own is not None and other is not None and entry.claim.contrast is not None:
        bars = [("claim", own), ("control", other)]
        if len(own) == len(other):
            bars.append(("difference", own - other))
        return _marks("claim and control", entry.claim.contrast.label, bars)
    one, known = entry.measured.primary, arm.measured.primary
    if one.values is None or known.values is None:
        return None
    name = "known to differ" if arm.kind == "sensitivity" else "control"
    bars = [("claim", one.values), (name, known.values)]
    return _marks(f"claim and {arm.kind}", one.label, bars, one.rule.threshold)


def _marks(title: str, label: str, bars: list[tuple[str, Values]], level: float = 0.0) -> Panel:
    most = max(len(values) for _, values in bars)
    filled = [
        (name, np.concatenate([values, np.full(most - len(values), np.nan)]))
        for name, values in bars
    ]
    return drawing.named(title, label, filled, level)
