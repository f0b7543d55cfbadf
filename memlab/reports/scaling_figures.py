"""The curves of `memlab bench scaling`: what a network costs against how many and how big.

From the points of the bench's JSON; each panel is drawn on the console or as SVG like a claim's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memlab.reports.claims.claim import Line, Panel

#: Field of a point, title, unit, that unit in the field's own, and whether it is per network.
COSTS = (
    ("seconds", "time a network", "ms", 1e-3, True),
    ("memory_bytes", "memory of the run", "MB", 1e6, False),
    ("folder_bytes", "run folder a network", "kB", 1e3, True),
)


def panels(points: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Panel, ...]]:
    """Three panels for each thing that the cost was measured against, by its name."""
    names = dict.fromkeys(str(point["against"]) for point in points)
    return {
        name: tuple(
            _panel(name, [p for p in points if p["against"] == name], cost) for cost in COSTS
        )
        for name in names
    }


def figures(point: Mapping[str, Any]) -> list[str]:
    """A point's costs in words, in the order of `COSTS`."""
    return [f"{_cost(point, key, *how):,.4g} {unit}" for key, _, unit, *how in COSTS]


def _cost(point: Mapping[str, Any], key: str, size: float, shared: bool) -> float:
    return float(point[key]) / size / (int(point["networks"]) if shared else 1)


def _panel(
    against: str, points: Sequence[Mapping[str, Any]], cost: tuple[str, str, str, float, bool]
) -> Panel:
    key, title, unit, size, shared = cost
    y = [_cost(point, key, size, shared) for point in points]
    line = Line("", np.array([float(p[against]) for p in points]), np.array([y]))
    return Panel(title, against, unit, (line,), log_x=True, log_y=True, marks=True)
