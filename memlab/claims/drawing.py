"""Lines and panels from cells, for the figures that many claims have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memlab.claims.claim import Line, Panel, Values
from memlab.claims.finished_run import Cell
from memlab.experiment.metrics import METRICS


def curves(
    title: str, metric: str, cells: Sequence[tuple[str, Cell]], dashed: Sequence[str] = ()
) -> Panel:
    """A metric against the epoch, a line a cell."""
    lines = []
    for label, cell in cells:
        epoch, values = cell.table(metric)
        lines.append(Line(label, epoch, values, label in dashed))
    known = METRICS.get(metric)
    name = known.title if known else metric.partition(".")[2].replace("_", " ") or metric
    return Panel(title, "epoch", name, tuple(lines))


def against(
    title: str,
    x_label: str,
    y_label: str,
    lines: Sequence[tuple[str, Sequence[float], Sequence[Values]]],
    *,
    log_x: bool = False,
    log_y: bool = False,
    level: float | None = None,
) -> Panel:
    """Marks with intervals: for each line its places [points], for each place its [replicates]."""
    drawn = tuple(
        Line(label, np.asarray(x, np.float64), np.array(y, np.float64).T) for label, x, y in lines
    )
    return Panel(title, x_label, y_label, drawn, log_x, log_y, level, marks=True)


def named(
    title: str, y_label: str, bars: Sequence[tuple[str, Values]], level: float | None = None
) -> Panel:
    """One mark with its interval for each name."""
    places = np.arange(len(bars), dtype=np.float64)
    line = Line("", places, np.array([values for _, values in bars], np.float64).T)
    ticks = tuple(name for name, _ in bars)
    return Panel(title, "", y_label, (line,), level=level, marks=True, ticks=ticks)


def mean_told(values: Values, form: str = ".3f") -> str:
    """The mean over the replicates that have a value, for a remark; – where none has."""
    known = values[np.isfinite(values)]
    return format(float(known.mean()), form).replace("-", "−") if known.size else "–"
