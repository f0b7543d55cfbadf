"""The grid: axes × seeds → members, and the groups of members that share their axis values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memlab.experiment.spec import Experiment

#: How an axis over what a network of the user's own is given begins: `model.settings.hidden`.
OWN_SETTING = "model.settings."
#: Of a longer list the first three values are named.
MOST_SHOWN = 12


@dataclass(frozen=True)
class Member:
    """One cell of the grid: one network, trained once; `experiment` holds single values only."""

    index: int
    name: str
    seed: int
    axis_values: Mapping[str, object]
    experiment: Experiment

    @property
    def place(self) -> int:
        """Which of its group's networks it is, from 0."""
        return self.index % len(self.experiment.seed_list)


@dataclass(frozen=True)
class Group:
    """The members that differ in nothing but their seed, in the order of the axes' values."""

    index: int
    label: str
    axis_values: Mapping[str, object]
    members: tuple[int, ...]


def combinations(experiment: Experiment) -> int:
    """How many combinations of axis values there are, without making them."""
    return math.prod(len(values) for values in experiment.axes.values())


def member_count(experiment: Experiment) -> int:
    """How many networks the experiment trains, without making the grid."""
    seeds = experiment.seeds if isinstance(experiment.seeds, int) else len(experiment.seeds)
    return combinations(experiment) * seeds


def groups(experiment: Experiment) -> tuple[Group, ...]:
    """One group per combination of axis values; the last declared axis varies fastest."""
    seeds = len(experiment.seed_list)
    short = short_names(tuple(experiment.axes))
    made = []
    shown = [_labels(short[name], values) for name, values in experiment.axes.items()]
    cells = zip(
        itertools.product(*experiment.axes.values()), itertools.product(*shown), strict=True
    )
    for index, (values, labels) in enumerate(cells):
        cell = dict(zip(experiment.axes, values, strict=True))
        label = " ".join(labels)
        first = index * seeds
        made.append(Group(index, label, cell, tuple(range(first, first + seeds))))
    return tuple(made)


def members(experiment: Experiment) -> tuple[Member, ...]:
    """All members, group by group; a name such as `fraction=0.4 seed=2` is stable and unique."""
    made = []
    for group in groups(experiment):
        cell = with_values(experiment, group.axis_values)
        for index, seed in zip(group.members, experiment.seed_list, strict=True):
            name = f"{group.label} seed={seed}".strip()
            made.append(Member(index, name, seed, group.axis_values, cell.of_seed(seed)))
    return tuple(made)


def with_values(experiment: Experiment, values: Mapping[str, object]) -> Experiment:
    """The experiment with single values in place of its axes.

    An axis over a whole section (`regularization`) has tables as values, laid over the section.

    Raises:
        pydantic.ValidationError: if the combination is not a valid experiment.
    """
    tree = experiment.model_dump(exclude={"axes"}, exclude_unset=True)
    for name, value in values.items():
        section, _, leaf = name.partition(".")
        if name.startswith(OWN_SETTING):
            own = tree.get("model", {}).get("settings", {})
            leaf, value = "settings", {**own, name.removeprefix(OWN_SETTING): value}
        body = {leaf: value} if leaf else value
        tree[section] = {**tree.get(section, {}), **body} if isinstance(body, Mapping) else body
    return Experiment.model_validate(tree)


def short_names(fields: tuple[str, ...]) -> dict[str, str]:
    """The last part of each dotted name where that tells them apart, else the whole."""
    leaves = [name.rsplit(".", 1)[-1] for name in fields]
    return {
        name: leaf if leaves.count(leaf) == 1 and leaf != "name" else name.removesuffix(".name")
        for name, leaf in zip(fields, leaves, strict=True)
    }


def _labels(name: str, values: Sequence[object]) -> list[str]:
    """A label for each value of an axis; with all digits where fewer would not tell them apart."""
    labels = [_labelled(name, value) for value in values]
    if len(set(labels)) == len(labels):
        return labels
    exact = [f"{name}={v!r}" if isinstance(v, float) else _labelled(name, v) for v in values]
    if len(set(exact)) == len(exact):
        return exact
    return [f"{label}#{number}" for number, label in enumerate(exact, 1)]


def _labelled(name: str, value: object) -> str:
    return show(value) if isinstance(value, Mapping) else f"{name}={show(value)}"


def show(value: object) -> str:
    """An axis value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ",".join(f"{key}={show(item)}" for key, item in value.items()) or "plain"
    if isinstance(value, (list, tuple)):
        more = f"/… ({len(value)})" if len(value) > MOST_SHOWN else ""
        return "/".join(show(item) for item in (value[:3] if more else value)) + more
    return str(value)
