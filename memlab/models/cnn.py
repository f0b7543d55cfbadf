"""cnn: the small convnet of Arpit 2017 (arXiv 1706.05394), section 3's CIFAR-10 network.

Twice [convolution 5×5 of 200 filters → batch norm → ReLU → max-pool 3×3], then 384 and 192 units
with batch norm and ReLU. The centre crop of 2 pixels per side is the data's (`dataset.crop`).
Inferred, as the paper does not say: padding 2 of the convolutions, stride 2 and padding 1 of the
pooling. Noise sites: after each pooling (`hidden0`, `hidden1`) and each fully connected layer
(`hidden2`, `hidden3`).
"""

from __future__ import annotations

from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.walks import DENSE_UNITS, halved
from memlab.models.blocks import Convolution, Dense
from memlab.models.layers import StackedLinear, units_of_maps
from memlab.models.noise import Noise, disturb_hidden, disturb_input, disturb_maps
from memlab.models.registry import register
from memlab.models.stacked import Shape, StackedModel


class TwoStages(StackedModel):
    """Two convolutional stages, two fully connected layers, logits."""

    def __init__(self, spec: ModelSpec, members: int, shape: Shape) -> None:
        super().__init__(spec, members, shape)
        assert spec.width is not None
        assert shape.image is not None
        channels, height, width = shape.image
        filters = spec.width
        self.stages = nn.ModuleList(
            Convolution(spec, members, inputs, filters, 5, pool=True)
            for inputs in (channels, filters)
        )
        units = filters * halved(halved(height)) * halved(halved(width))
        self.dense = nn.ModuleList(
            Dense(spec, members, inputs, outputs)
            for inputs, outputs in zip((units, DENSE_UNITS[0]), DENSE_UNITS, strict=True)
        )
        self.output = StackedLinear(members, DENSE_UNITS[-1], shape.classes)

    def _between(self, x: Tensor) -> Tensor:
        """What follows the pooling of a stage, maps → maps."""
        return x

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """See `StackedModel`."""
        training = noise is not None
        x = self.maps(disturb_input(noise, x))
        for site, stage in enumerate(self.stages):
            x = disturb_maps(noise, site, self._between(stage(x, training)), self.members)
        x = units_of_maps(x, self.members)
        for site, layer in enumerate(self.dense, start=len(self.stages)):
            x = disturb_hidden(noise, site, layer(x, training))
        logits: Tensor = self.output(x)
        return logits


@register("cnn")
class SmallConvnet(TwoStages):
    """Arpit's convnet."""
