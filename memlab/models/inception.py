"""inception-small: the small Inception of Zhang 2017 (arXiv 1611.03530), figure 3.

A convolution module is convolution → batch norm → ReLU; an inception module joins a 1×1 and a 3×3
convolution module; a downsample module joins a 3×3 convolution module of stride 2 and a 3×3
max-pooling of stride 2. The filters are in `INCEPTION_MODULES`; then the mean of each 7×7 map, and
a linear layer: 1,649,402 parameters on 28×28×3 inputs with 10 classes, as the paper's table 1.
Inferred, because only so the count comes out exactly, with batch norm and, as the paper lists it,
without: batch norm shifts but does not scale, in place of the convolution's bias (which is
TensorFlow-Slim's default); without batch norm the convolutions have biases. Inferred as well:
padding 1 where the stride is 2. ε and momentum of batch norm are PyTorch's. Noise sites: after each
downsample module (`hidden0`, `hidden1`) and after the mean (`hidden2`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.walks import inception_filters
from memlab.models.blocks import Convolution
from memlab.models.layers import StackedLinear, max_pool, mean_pool
from memlab.models.noise import Noise, disturb_hidden, disturb_input, disturb_maps
from memlab.models.registry import register
from memlab.models.stacked import Shape, StackedModel


def join(parts: list[Tensor], members: int) -> Tensor:
    """Maps side by side within each member."""
    if members == 1:
        return torch.cat(parts, 1)
    apart = [part.reshape(len(part), members, -1, *part.shape[2:]) for part in parts]
    return torch.cat(apart, 2).flatten(1, 2)


class Inception(nn.Module):
    """1×1 and 3×3 convolution modules side by side."""

    def __init__(
        self, spec: ModelSpec, members: int, channels: int, filters: tuple[int, int]
    ) -> None:
        super().__init__()
        self.members = members
        self.narrow = Convolution(spec, members, channels, filters[0], 1, scale=False)
        self.broad = Convolution(spec, members, channels, filters[1], 3, scale=False)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Maps → maps of the same height and width."""
        return join([self.narrow(x, training), self.broad(x, training)], self.members)


class Downsample(nn.Module):
    """A 3×3 convolution module of stride 2 and a max-pooling side by side."""

    def __init__(self, spec: ModelSpec, members: int, channels: int, filters: int) -> None:
        super().__init__()
        self.members = members
        self.conv = Convolution(spec, members, channels, filters, 3, 2, scale=False)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Maps → maps of half the height and width."""
        return join([self.conv(x, training), max_pool(x)], self.members)


@register("inception-small")
class SmallInception(StackedModel):
    """Zhang's small Inception."""

    def __init__(self, spec: ModelSpec, members: int, shape: Shape) -> None:
        super().__init__(spec, members, shape)
        assert spec.width is not None
        assert shape.image is not None
        self.first = Convolution(spec, members, shape.image[0], spec.width, 3, scale=False)
        channels = spec.width
        self.blocks = nn.ModuleList()
        for filters in inception_filters(spec.width):
            if isinstance(filters, int):
                self.blocks.append(Downsample(spec, members, channels, filters))
                channels += filters
            else:
                self.blocks.append(Inception(spec, members, channels, filters))
                channels = sum(filters)
        self.output = StackedLinear(members, channels, shape.classes)

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """See `StackedModel`."""
        training = noise is not None
        x = self.first(self.maps(disturb_input(noise, x)), training)
        site = 0
        for block in self.blocks:
            x = block(x, training)
            if isinstance(block, Downsample):
                x = disturb_maps(noise, site, x, self.members)
                site += 1
        logits: Tensor = self.output(disturb_hidden(noise, site, mean_pool(x, self.members)))
        return logits
