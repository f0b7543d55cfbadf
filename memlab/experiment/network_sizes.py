"""The networks of an experiment, counted, beside the counts that their papers print."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.experiment import grid
from memlab.experiment.architecture import ImageShape, parameter_count, resolve
from memlab.experiment.datasets import taken
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.own_network import is_own
from memlab.experiment.spec import Experiment

MOST_CELLS = 1_000
#: Published parameter counts by network; 10 classes, and 28×28×3 inputs for the first four
#: (Zhang 2017, table 1). The residual networks' are published to two digits only (He 2016,
#: table 6; Zagoruyko 2016), for 32×32×3 inputs.
PAPER_PARAMETERS: dict[str, int] = {
    "inception-small": 1_649_402,
    "alexnet-small": 1_387_786,
    "mlp 3×512": 1_735_178,
    "mlp 1×512": 1_209_866,
    "resnet20": 270_000,
    "wrn16-4": 2_700_000,
}
_ZHANG_SHAPE = (3, 28, 28)


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


def paper_parameters(
    spec: ModelSpec, image_shape: ImageShape | None, features: int, classes: int
) -> int | None:
    """The published count where `spec` is a published network on its inputs, else None."""
    full = resolve(spec)
    if classes != 10 or image_shape is None:
        return None
    if spec.name == "mlp":
        if image_shape != _ZHANG_SHAPE or full.normalization != "none":
            return None
        return PAPER_PARAMETERS.get(f"mlp {full.depth}×{full.width}")
    inputs = _ZHANG_SHAPE if spec.name in ("inception-small", "alexnet-small") else (3, 32, 32)
    own = resolve(ModelSpec(name=spec.name))
    norms = {own.normalization} | ({"none"} if spec.name == "inception-small" else set())
    same = image_shape == inputs and full.width == own.width and full.normalization in norms
    return PAPER_PARAMETERS.get(spec.name) if same else None
