"""How the values of an experiment's axes are named and drawn on every screen. Pure, no widget.

One `AxisValue` a group of members that differ in their seed only; its colour, marker and letter
follow from its place in the experiment, never from a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memlab.experiment.fields import declared, heads
from memlab.experiment.grid import groups, short_names, show
from memlab.experiment.spec import Experiment, field_names
from memlab.tui import palette


@dataclass(frozen=True)
class AxisValue:
    """One combination of axis values: `short` as in a table cell, `label` as in a sentence."""

    key: str
    short: str
    label: str
    colour: str
    marker: str
    letter: str
    members: tuple[int, ...]


def axis_values(experiment: Experiment, dark: bool = True) -> tuple[AxisValue, ...]:
    """One entry per group, in the experiment's order."""
    found = groups(experiment)
    colours = palette.ramp(len(found))
    columns = {
        name: _column([group.axis_values[name] for group in found]) for name in experiment.axes
    }
    titles = _titles(tuple(experiment.axes))
    made = []
    for group in found:
        texts = {name: columns[name][group.index] for name in experiment.axes}
        label = ", ".join(
            text if isinstance(group.axis_values[name], Mapping) else f"{titles[name]} {text}"
            for name, text in texts.items()
        )
        made.append(
            AxisValue(
                key=str(group.index),
                short=" · ".join(texts.values()) or "all",
                label=label or "all members",
                colour=colours[group.index],
                marker=palette.marker(group.index),
                letter=palette.letter(group.index),
                members=group.members,
            )
        )
    return tuple(made)


def axis_title(experiment: Experiment, long: bool = False) -> str:
    """What the axes are called over a table: `noise`, `width · η`."""
    titles = _titles(tuple(experiment.axes))
    known = set(field_names())
    return " · ".join(
        (declared(name).title if long and name in known else "") or title
        for name, title in titles.items()
    )


def is_numeric(experiment: Experiment) -> bool:
    """Whether there is one axis and its values are numbers, so that they have a place on a line."""
    values = next(iter(experiment.axes.values()), [])
    return len(experiment.axes) == 1 and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _titles(names: tuple[str, ...]) -> dict[str, str]:
    return heads(short_names(names))


def _column(values: Sequence[object]) -> list[str]:
    """Texts of one axis; decimal numbers get equally many decimals so that they line up."""
    if all(isinstance(value, float) for value in values):
        texts = [show(value) for value in values]
        if not any("e" in text for text in texts):
            decimals = max(len(text.partition(".")[2]) for text in texts)
            texts = [f"{value:.{decimals}f}" for value in values]
        width = max(map(len, texts), default=0)
        return [text.rjust(width) for text in texts]
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        width = max((len(str(value)) for value in values), default=0)
        return [str(value).rjust(width) for value in values]
    return [show(value) for value in values]
