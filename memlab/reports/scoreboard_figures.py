"""A claim's figure as SVG, in the form of the paper's; matplotlib is imported when it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from memlab.claims.claim import Panel
from memlab.estimate import means
from memlab.reports import palette
from memlab.reports.figures import _style, svg
from memlab.reports.scoreboard import Entry
from memlab.reports.scoreboard_comparison import panels_of
from memlab.reports.scoreboard_panels import ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 4


def figure(entry: Entry) -> str:
    """The claim's panels side by side; empty where it has none."""
    panels = panels_of(entry)
    if not panels:
        return ""
    return side_by_side(panels, f"claim-{entry.claim.id}", f"{entry.claim.id}: {entry.claim.title}")


def side_by_side(panels: Sequence[Panel], name: str, title: str) -> str:
    """Panels as one SVG; ids in it are made from `name`, what it is called is `title`."""
    from matplotlib import rc_context

    with rc_context(_style(name)):
        from matplotlib.figure import Figure

        across = min(len(panels), ACROSS)
        down = -(-len(panels) // across)
        made = Figure((max(5.0, 3.9 * across), 3.4 * down), layout="constrained")
        for index, panel in enumerate(panels):
            _draw(made.add_subplot(down, across, index + 1), panel)
        return svg(made, title)


def _draw(axes: Axes, panel: Panel) -> None:
    colours = palette.ramp(len(panel.lines))
    for index, line in enumerate(panel.lines):
        mean, half = means(np.atleast_2d(line.y))
        half = np.nan_to_num(half)
        look: dict[str, Any] = {"color": colours[index], "label": line.label or None}
        marker = palette.MARKERS[index % len(palette.MARKERS)]
        if panel.marks:
            style = "" if panel.ticks else "--" if line.dashed else "-"
            axes.errorbar(
                line.x, mean, yerr=half, marker=marker, markersize=5, capsize=3,
                linestyle=style, **look,
            )  # fmt: skip
        else:
            every = max(1, len(line.x) // 8)
            axes.plot(line.x, mean, marker=marker, markersize=4, markevery=every, **look)
            axes.fill_between(line.x, mean - half, mean + half, alpha=0.13, linewidth=0,
                              color=colours[index])  # fmt: skip
    _frame(axes, panel)


def _frame(axes: Axes, panel: Panel) -> None:
    if panel.level is not None:
        axes.axhline(panel.level, color=palette.NEUTRAL, linewidth=0.9, linestyle=(0, (4, 3)))
    if panel.log_x:
        axes.set_xscale("log")
        if marked := ticks(panel):
            axes.set_xticks(*zip(*marked, strict=True))
            axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    if panel.log_y and any(bool((line.y > 0).any()) for line in panel.lines):
        from matplotlib.ticker import LogFormatter

        axes.set_yscale("log")  # of nothing but gaps there is no logarithm
        axes.yaxis.set_major_formatter(LogFormatter())  # numbers, where formulas are not drawn
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
    if panel.ticks:
        axes.set_xticks(range(len(panel.ticks)), panel.ticks, rotation=30, ha="right", fontsize=8)
    axes.set_title(panel.title, fontsize=10, loc="left", fontweight="bold")
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    if any(line.label for line in panel.lines):
        axes.legend(fontsize=8)
