"""The networks of an experiment, counted, beside the counts that their papers print."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.experiment import grid
from memlab.experiment.architecture import paper_parameters, parameter_count, resolve
from memlab.experiment.datasets import taken
from memlab.experiment.own_network import is_own
from memlab.experiment.spec import Experiment

MOST_CELLS = 1_000


@dataclass(frozen=True)
class NetworkSize:
    """One network: its name, its trained parameters, and the paper's count where it gives one."""

    name: str
    parameters: int
    paper: int | None

    def sentence(self) -> str:
        """`inception-small: 1,649,402 parameters; the paper: 1,649,402`."""
        beside = "" if self.paper is None else f"; the paper: {self.paper:,}"
        return f"{self.name}: {self.parameters:,} parameters{beside}"


def network_sizes(experiment: Experiment) -> list[NetworkSize]:
    """Each distinct network once; those on a user's own data or of their own code left out."""
    if grid.combinations(experiment) > MOST_CELLS:
        return []
    found: dict[NetworkSize, None] = {}
    for group in grid.groups(experiment.model_copy(update={"seeds": 1})):
        cell = grid.with_values(experiment, group.axis_values)
        data = taken(cell.dataset)
        if data is None or is_own(cell.model.name):
            continue
        shape = data.image, data.features, data.classes
        spec = resolve(cell.model)
        size = f" {spec.depth}×{spec.width}" if spec.name == "mlp" else ""
        made = NetworkSize(
            spec.name + size,
            parameter_count(cell.model, *shape),
            paper_parameters(cell.model, *shape),
        )
        found[made] = None
    return list(found)
