"""The curves of `memlab bench scaling`: what a network costs against how many and how big.

From the points of the bench's JSON; each panel is drawn on the console or as SVG like a claim's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.claims.claim import Line, Panel


@dataclass(frozen=True)
class Cost:
    """A field of a point, and how it is drawn: `size` of its own units make one `unit`."""

    key: str
    title: str
    unit: str
    size: float
    per_network: bool = True

    def of(self, point: Mapping[str, Any]) -> float:
        """What the point cost, in `unit`."""
        whole = float(point[self.key]) / self.size
        return whole / int(point["networks"]) if self.per_network else whole


COSTS = (
    Cost("seconds", "time a network", "ms", 1e-3),
    Cost("memory_bytes", "memory of the run", "MB", 1e6, per_network=False),
    Cost("folder_bytes", "run folder a network", "kB", 1e3),
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
    return [f"{cost.of(point):,.4g} {cost.unit}" for cost in COSTS]


def _panel(against: str, points: Sequence[Mapping[str, Any]], cost: Cost) -> Panel:
    x = np.array([float(point[against]) for point in points])
    line = Line("", x, np.array([[cost.of(point) for point in points]]))
    return Panel(cost.title, against, cost.unit, (line,), log_x=True, log_y=True, marks=True)
