"""From a run's members, their data and its plan to its stacks."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.data.preflight import check_cell
from memlab.errors import RunFolderError
from memlab.experiment.architecture import parameter_count
from memlab.experiment.grid import Member, show
from memlab.experiment.own_network import facts, is_own
from memlab.experiment.schedule import trained_on
from memlab.experiment.speeds import Shape
from memlab.models.own import look
from memlab.models.stacked import Shape as ModelShape
from memlab.runs import plan as run_plan
from memlab.runs.plan import CONTIGUOUS, PLAN_FILE, Layout, RunPlan
from memlab.runs.run_folder import RunFolder
from memlab.training.plan import Group, StackPlan, cut, groups_of, stacked
from memlab.worker.material import Material


def grouped(members: Sequence[Member], material: Material) -> tuple[list[Group], list[int]]:
    """The members that can train together, and each member's number of trained parameters.

    Raises:
        InvalidExperiment: if the data do not allow what a member asks for.
    """
    counts, parameters, checked = [], [], set()
    for member in members:
        shapes = material.shapes(member)
        splits = material.splits(member)
        model = member.experiment.model
        if is_own(model.name):
            look(model, ModelShape(shapes.image_shape, shapes.features, shapes.classes))
        counts.append(trained_on(member.experiment.dataset, len(splits.train.y)))
        parameters.append(
            parameter_count(model, shapes.image_shape, shapes.features, shapes.classes)
        )
        if id(member.experiment) not in checked:
            check_cell(member.experiment, splits)
            checked.add(id(member.experiment))
    return groups_of(members, counts, parameters), parameters


def own_networks(members: Sequence[Member], material: Material) -> dict[str, str]:
    """How networks of the user's own are computed, in words, by address and settings."""
    found: dict[str, str] = {}
    for member in members:
        model = member.experiment.model
        if is_own(model.name):
            shapes = material.shapes(member)
            shape = shapes.image_shape, shapes.features, shapes.classes
            name = f"{model.name} {show(model.settings) if model.settings else ''}".strip()
            found[name] = facts(model.own, *shape).stacking
    return found


def shape_of(group: Group, material: Material) -> Shape:
    """What the speed of a group's updates depends on."""
    first = group.members[0]
    shapes = material.shapes(first)
    size = group.timeline.phase(0).batch_size
    return Shape.of(first.experiment, shapes.image_shape, shapes.features, shapes.classes, size)


def uncut(
    groups: Sequence[Group],
    threads: int,
    layout: Layout = CONTIGUOUS,
    widths: Sequence[int] | None = None,
) -> RunPlan:
    """All in one process, in as few stacks as there can be: what runs without a plan had.

    `widths` are how many of each group stand in one stack, by default as many as may.
    """
    most = [group.widest for group in groups] if widths is None else widths
    parts = [part for group, width in zip(groups, most, strict=True) for part in cut(group, width)]
    return RunPlan(tuple(sorted(parts)), 1, threads, layout)


def of_run(folder: RunFolder, groups: Sequence[Group], threads: int) -> RunPlan | None:
    """The plan that a run began with; None where it has not begun.

    A run that has begun and has no plan file is from before there were plans.

    Raises:
        RunFolderError: if its plan cannot be read, or is not one of its members.
    """
    place = folder.place / PLAN_FILE
    found = run_plan.read(place)
    if found is None:
        return uncut(groups, threads) if (folder.series / "progress.json").info() else None
    members = [member.index for group in groups for member in group.members]
    if not run_plan.covers(found, members):
        raise RunFolderError(f"{place} is not a plan for the {len(members)} networks of this run.")
    return found


def stacks_of(groups: Sequence[Group], plan: RunPlan) -> list[StackPlan]:
    """The stacks of a plan.

    Raises:
        RunFolderError: if it puts networks together that cannot be trained together.
    """
    try:
        return stacked(groups, plan.stacks)
    except ValueError as error:
        raise RunFolderError(f"This plan cannot be used: {error}.") from error
