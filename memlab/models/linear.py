"""linear: softmax regression on the flattened inputs."""

from __future__ import annotations

from torch import Tensor

from memlab.experiment.material_spec import ModelSpec
from memlab.models.layers import StackedLinear
from memlab.models.noise import Noise, disturb_input
from memlab.models.registry import register
from memlab.models.stacked import Shape, StackedModel


@register("linear")
class Linear(StackedModel):
    """One linear layer; the only noise is the inputs'."""

    def __init__(self, spec: ModelSpec, members: int, shape: Shape) -> None:
        super().__init__(spec, members, shape)
        self.output = StackedLinear(members, shape.features, shape.classes)

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """See `StackedModel`."""
        logits: Tensor = self.output(disturb_input(noise, x).flatten(2))
        return logits

    def perceptron(self) -> tuple[list[Tensor], list[Tensor]]:
        """See `StackedModel`."""
        assert self.output.bias is not None
        if self.spec.output_scale is not None:
            raise TypeError("a linear model whose outputs are scaled is not a plain perceptron")
        return [self.output.weight], [self.output.bias]
