"""Drawn figures as SVG: the ladder (gap and cost against the axis) and the curves.

matplotlib without pyplot, imported when a figure is drawn. The same findings give the same bytes:
no date, no random ids; text stays text, in whatever sans-serif font the reader has.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from memlab.experiment.metrics import (
    METRICS,
    TEST_ACCURACY,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    VALIDATION_ACCURACY,
)
from memlab.reports import palette
from memlab.reports.findings import Findings, Row, clock_of
from memlab.reports.naming import cells, column_title
from memlab.runs.curve import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": palette.NEUTRAL,
    "axes.labelcolor": "#33363c",
    "xtick.color": palette.NEUTRAL,
    "ytick.color": palette.NEUTRAL,
    "axes.grid": True,
    "grid.color": "#e6e7ea",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.parse_math": False,
}
LADDER = (
    ("generalization_gap", "generalization gap", palette.UNSEEN, "D"),
    ("memorization_cost", "memorization cost", palette.LIES, "^"),
)
PANELS = (
    (TRAIN_ACCURACY_CLEAN, METRICS[TRAIN_ACCURACY_CLEAN].caption, palette.TRUTH),
    (TRAIN_ACCURACY_CORRUPTED, METRICS[TRAIN_ACCURACY_CORRUPTED].caption, palette.LIES),
    (TEST_ACCURACY, METRICS[TEST_ACCURACY].caption, palette.UNSEEN),
)
#: What stands for a panel whose metric was not measured: all training labels, or validation.
INSTEAD = {TRAIN_ACCURACY_CLEAN: TRAIN_ACCURACY, TEST_ACCURACY: VALIDATION_ACCURACY}
MOST_BANDS = 12
SAME_SCALE = 20.0
#: Inches around axes: tick labels and the y label, ticks and the x label, a title; a legend's line.
LEFT, BOTTOM, TOP, RIGHT, LINE = 0.64, 0.5, 0.32, 0.1, 0.21
BETWEEN = 0.42
PER_LETTER = 0.075


@dataclass(frozen=True)
class Curves:
    """Curves per metric, one per row in the findings' order."""

    of: Mapping[str, Sequence[Curve]]


def ladder(findings: Findings) -> str:
    """Gap and memorization cost with their intervals against the axis; empty without figures."""
    rows = findings.rows
    if len(rows) < 2 or not any(row.quantity(key) for row in rows for key, *_ in LADDER):
        return ""
    from matplotlib import rc_context

    with rc_context(_style("ladder")):
        from matplotlib.figure import Figure

        where = positions(findings)
        tall = where is None and max(map(len, cells(findings))) > 9
        figure = Figure((7.6, 1.1 + 0.34 * len(rows)) if tall else (7.6, 3.3))
        left = 0.3 + PER_LETTER * max(map(len, cells(findings))) if tall else LEFT + 0.16
        (axes,) = _placed(figure, 1, left=left, above=LINE + 0.12, below=BOTTOM)
        _draw_ladder(axes, findings, where, tall)
        return svg(figure, "generalization gap and memorization cost against the axis")


def _style(figure: str) -> Any:
    """The settings; element ids are made from the figure's name, so that two fit on one page."""
    return {**STYLE, "svg.hashsalt": f"memlab-{figure}"}


def _draw_ladder(axes: Axes, findings: Findings, where: list[float] | None, tall: bool) -> None:
    labels, places = cells(findings), where or [float(i) for i in range(len(findings.rows))]
    for index, (key, name, colour, marker) in enumerate(LADDER):
        found = [
            (x, q) for x, r in zip(places, findings.rows, strict=True) if (q := r.quantity(key))
        ]
        shift = 0.0 if where is not None else (index - 0.5) * 0.16
        at = [x + shift for x, _ in found]
        means, halves = [q.mean for _, q in found], [q.half if q.bounded else 0.0 for _, q in found]
        look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 5.5, "capsize": 3}
        line = "-" if where is not None else ""
        if tall:
            axes.errorbar(means, at, xerr=halves, linestyle="", label=name, **look)
        else:
            axes.errorbar(at, means, yerr=halves, linestyle=line, label=name, **look)
    if tall:
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
        axes.set_xlabel("accuracy")
        axes.axvline(0, color=palette.NEUTRAL, linewidth=0.8)
    else:
        if where is not None and 0 < SAME_SCALE * min(where) < max(where):
            axes.set_xscale("log")
        axes.set_xticks(places, [label.strip() for label in labels])
        axes.minorticks_off()
        axes.set_xlabel(column_title(findings))
        axes.set_ylabel("accuracy")
        axes.axhline(0, color=palette.NEUTRAL, linewidth=0.8)
    handles, names = axes.get_legend_handles_labels()
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.legend(handles, names, loc="upper center", ncols=2)


def _placed(figure: Figure, count: int, *, left: float, above: float, below: float) -> list[Axes]:
    """`count` axes side by side, the margins of the figure in inches.

    What stands around them is known, and matplotlib's own layout draws everything twice to find it
    out: two thirds of a report's time.
    """
    width, height = figure.get_size_inches()
    left = min(left, width / 2)
    each = (width - left - RIGHT - (count - 1) * BETWEEN) / count
    tall = max(height - above - below, 0.5)
    return [
        figure.add_axes(
            ((left + i * (each + BETWEEN)) / width, below / height, each / width, tall / height)
        )
        for i in range(count)
    ]


def positions(findings: Findings) -> list[float] | None:
    """The rows' places on a scale: their values where one axis is rising numbers, else None."""
    if len(findings.axes) != 1:
        return None
    values = [row.axis_values.get(findings.axes[0]) for row in findings.rows]
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    rising = all(a < b for a, b in itertools.pairwise(numbers))
    return numbers if len(numbers) == len(values) and rising and numbers[-1] > 0 else None


def curves(findings: Findings, drawn: Curves) -> str:
    """Truth, lies and unseen against the epoch, a line per axis value; empty without points."""
    panels = []
    for metric, title, colour in PANELS:
        other = INSTEAD.get(metric, metric)
        if _measured(drawn, metric):
            panels.append((metric, title, colour))
        elif _measured(drawn, other):
            panels.append((other, METRICS[other].caption, colour))
    if not panels:
        return ""
    from matplotlib import rc_context

    with rc_context(_style("curves")):
        from matplotlib.figure import Figure

        labels = [label.strip() for label in cells(findings)]
        columns = min(6, len(labels)) if max(map(len, labels)) < 16 else 3
        legend = LINE * (1 - -len(labels) // columns) + 0.1 if len(labels) > 1 else 0.0
        size = (3.55 * len(panels) if len(panels) > 1 else 6.0, 2.9 + legend)
        figure = Figure(size)
        places = _placed(figure, len(panels), left=LEFT, above=TOP, below=BOTTOM + legend)
        for index, (axes, (metric, title, colour)) in enumerate(zip(places, panels, strict=True)):
            _draw_panel(axes, findings, drawn.of[metric], metric)
            axes.set_title(title, color=colour, fontsize=10, loc="left", fontweight="bold")
            if index == 0:
                axes.set_ylabel("accuracy")
        if legend:
            handles, labels = figure.axes[-1].get_legend_handles_labels()
            title = column_title(findings)
            figure.legend(handles, labels, loc="lower center", ncols=columns, title=title)
        against = clock_of(findings)
        return svg(
            figure, f"accuracy on clean, corrupted and unseen examples against the {against}"
        )


def _measured(drawn: Curves, metric: str) -> bool:
    return any(np.isfinite(curve.mean).any() for curve in drawn.of.get(metric, ()))


def _draw_panel(axes: Axes, findings: Findings, drawn: Sequence[Curve], metric: str) -> None:
    colours, labels = palette.ramp(len(findings.rows)), cells(findings)
    for index, (row, curve) in enumerate(zip(findings.rows, drawn, strict=True)):
        marker = palette.MARKERS[index % len(palette.MARKERS)]
        spread = max(1, len(curve.epoch) // 8)
        axes.plot(
            curve.epoch,
            curve.mean,
            color=colours[index],
            linewidth=1.6,
            marker=marker,
            markersize=4,
            markevery=(index * spread // max(1, len(drawn)), spread),
            label=labels[index].strip(),
        )
        if len(drawn) <= MOST_BANDS and np.isfinite(curve.low).any():
            low, high = np.clip(curve.low, 0, 1), np.clip(curve.high, 0, 1)
            axes.fill_between(curve.epoch, low, high, color=colours[index], alpha=0.13, linewidth=0)
        if metric == TEST_ACCURACY:
            _mark_best(axes, row, colours[index])
    if findings.chance is not None:
        axes.axhline(findings.chance, color=palette.NEUTRAL, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.annotate(
            "chance",
            (1.0, findings.chance),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=palette.NEUTRAL,
        )
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(left=0)
    axes.set_xlabel(clock_of(findings))


def _mark_best(axes: Axes, row: Row, colour: str) -> None:
    best, epoch = row.best_test_accuracy, row.best_epoch
    if best is not None and epoch is not None:
        axes.plot(
            [epoch.mean], [best.mean], marker=7, markersize=7, color=colour, markeredgecolor="white"
        )


#: What lies beyond overflows in the arithmetic of axes.
MOST_DRAWN = 1e100
#: Stands where a figure cannot be drawn.
_NOT_DRAWN = (
    '<svg viewBox="0 0 480 24" role="img"><text x="0" y="16" font-size="12">'
    "Not drawn: there are values here beyond what an axis can show.</text></svg>"
)


def svg(figure: Figure, description: str) -> str:
    """The figure as an `<svg>` element that scales with its column.

    Where a value is beyond what an axis can show, as only a damaged table has it, it says so.
    """
    ends = np.array([axes.dataLim.get_points() for axes in figure.axes])
    if (np.abs(ends[np.isfinite(ends)]) > MOST_DRAWN).any():
        return _NOT_DRAWN
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return text.replace("<svg", f'<svg role="img" aria-label="{description}"', 1).strip()
