"""From a run's members and their data to its stacks."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.data.preflight import check_cell
from memlab.experiment.architecture import parameter_count
from memlab.experiment.grid import Member
from memlab.training.plan import StackPlan, plan
from memlab.worker.material import Material


def stacks_of(members: Sequence[Member], material: Material) -> tuple[list[StackPlan], list[int]]:
    """The stacks, and each member's number of trained parameters.

    Raises:
        InvalidExperiment: if the data do not allow what a member asks for.
    """
    counts, parameters = [], []
    for member in members:
        shapes = material.shapes(member)
        counts.append(len(material.splits(member).train.y))
        parameters.append(
            parameter_count(
                member.experiment.model, shapes.image_shape, shapes.features, shapes.classes
            )
        )
        check_cell(member.experiment, material.splits(member))
    return plan(members, counts, parameters), parameters
