"""Layers that always come together: a linear map or convolution, normalization, activation."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.models.layers import StackedConv2d, StackedLinear, activate, max_pool
from memlab.models.normalization import normalization


class Dense(nn.Module):
    """Fully connected → normalization → activation, on units.

    The fully connected layer has a bias only where no normalization follows.
    """

    def __init__(self, spec: ModelSpec, members: int, inputs: int, units: int) -> None:
        super().__init__()
        self.activation = spec.activation
        self.linear = StackedLinear(members, inputs, units, bias=spec.normalization == "none")
        self.norm = normalization(spec, members, units)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """`[members or 1, batch, inputs]` → `[members, batch, units]`."""
        x = self.linear(x)
        if self.norm is not None:
            x = self.norm(x, training)
        return activate(self.activation, x, in_place=self.norm is None)


class Convolution(nn.Module):
    """Convolution → normalization → activation, on maps; bias as in `Dense`.

    With `pool` a max-pooling follows. ReLU then comes after it, on a quarter of the numbers: both
    are monotone, so that maxima, and what their gradients reach, stay the same to the last bit.
    """

    def __init__(
        self,
        spec: ModelSpec,
        members: int,
        channels: int,
        filters: int,
        kernel: int,
        stride: int = 1,
        *,
        scale: bool = True,
        pool: bool = False,
    ) -> None:
        super().__init__()
        self.activation, self.pool = spec.activation, pool
        bias = spec.normalization == "none"
        self.conv = StackedConv2d(members, channels, filters, kernel, stride, bias)
        self.norm = normalization(spec, members, filters, scale)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Maps → maps."""
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x, training)
        if not self.pool:
            return activate(self.activation, x)
        if self.activation == "relu":
            return activate("relu", max_pool(x))
        return max_pool(activate(self.activation, x))


def residual_stages(channels: int, width: int, blocks: int) -> Iterator[tuple[int, int, int]]:
    """(channels, filters, stride) of the blocks of three stages, each of twice the filters.

    The first block takes `channels`; a stage after the first begins by halving its maps.
    """
    for stage in range(3):
        for block in range(blocks):
            filters = width << stage
            yield channels, filters, 2 if stage > 0 and block == 0 else 1
            channels = filters
