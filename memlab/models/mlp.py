"""mlp: a multilayer perceptron, `depth` hidden layers of `width` units (2 × 256).

Noise sites: `hidden0` … after the activation of each hidden layer.
"""

from __future__ import annotations

from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.models.blocks import Dense
from memlab.models.layers import StackedLinear
from memlab.models.noise import Noise, disturb_hidden, disturb_input
from memlab.models.registry import register
from memlab.models.stacked import Shape, StackedModel


@register("mlp")
class Perceptron(StackedModel):
    """[linear → normalization → activation] × depth → linear, on the flattened inputs."""

    def __init__(self, spec: ModelSpec, members: int, shape: Shape) -> None:
        super().__init__(spec, members, shape)
        assert spec.width is not None
        assert spec.depth is not None
        sizes = [shape.features, *[spec.width] * spec.depth]
        self.hidden = nn.ModuleList(
            Dense(spec, members, inputs, spec.width) for inputs in sizes[:-1]
        )
        self.output = StackedLinear(members, spec.width, shape.classes)

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """See `StackedModel`."""
        x = disturb_input(noise, x).flatten(2)
        for site, layer in enumerate(self.hidden):
            x = disturb_hidden(noise, site, layer(x, noise is not None))
        logits: Tensor = self.output(x)
        return logits

    def perceptron(self) -> tuple[list[Tensor], list[Tensor]]:
        """See `StackedModel`."""
        linears = [layer.linear for layer in self.hidden if isinstance(layer, Dense)]
        linears.append(self.output)
        biases = [linear.bias for linear in linears if linear.bias is not None]
        if len(biases) < len(linears):
            raise TypeError("an mlp with normalization is not a plain perceptron")
        if self.spec.output_scale is not None:
            raise TypeError("an mlp whose outputs are scaled is not a plain perceptron")
        return [linear.weight for linear in linears], [*biases]
