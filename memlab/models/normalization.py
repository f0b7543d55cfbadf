"""Normalizations of a stack, on units and on maps (see `layers.py` for both layouts)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.models.layers import StackedLayer

EPSILON = 1e-5
MOMENTUM = 0.1


class Normalization(StackedLayer):
    """Scale and shift `[members, channels]` after a normalization; 1 and 0 at the start."""

    weight: nn.Parameter | None

    def __init__(self, members: int, channels: int, scale: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(members, channels))

    def draw(self, member: int, generator: np.random.Generator) -> None:
        """Nothing is drawn."""
        if self.weight is not None:
            self.weight[member] = 1.0
        self.bias[member] = 0.0

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Units → units, or maps → maps."""
        raise NotImplementedError


class StackedBatchNorm(Normalization):
    """Batch normalization per member, `nn.BatchNorm1d` on units and `nn.BatchNorm2d` on maps.

    With `ghost_batch` = g, a training batch of n examples is normalized in ⌊n / g⌋ parts of g
    examples, the last one longer by the remainder (Hoffer 2017, arXiv 1705.08741); the running
    statistics move once per part, in order. A batch smaller than 2g is one part.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, members: int, channels: int, ghost_batch: int | None = None, scale: bool = True
    ) -> None:
        super().__init__(members, channels, scale)
        self.ghost_batch = ghost_batch
        self.register_buffer("running_mean", torch.zeros(members, channels))
        self.register_buffer("running_var", torch.ones(members, channels))

    def draw(self, member: int, generator: np.random.Generator) -> None:
        """Nothing is drawn; the running statistics start anew."""
        super().draw(member, generator)
        self.running_mean[member] = 0.0
        self.running_var[member] = 1.0

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Units → units, or maps → maps; running statistics move only in training."""
        if x.dim() == 4:
            return self._by_parts(x, training)
        members, batch, units = x.shape
        merged = x.transpose(0, 1).reshape(batch, members * units)
        return self._by_parts(merged, training).view(batch, members, units).transpose(0, 1)

    def _by_parts(self, x: Tensor, training: bool) -> Tensor:
        parts = x.shape[0] // self.ghost_batch if training and self.ghost_batch else 1
        if parts < 2:
            return self._normalize(x, training)
        assert self.ghost_batch is not None
        sizes = [self.ghost_batch] * (parts - 1)
        sizes.append(x.shape[0] - sum(sizes))
        return torch.cat([self._normalize(part, training) for part in torch.split(x, sizes)])

    def _normalize(self, x: Tensor, training: bool) -> Tensor:
        weight = None if self.weight is None else self.weight.view(-1)
        if weight is None and x.is_cuda:  # whose gradient needs a weight where there is a bias
            weight = torch.ones_like(self.bias).view(-1)
        return F.batch_norm(
            x,
            self.running_mean.view(-1),
            self.running_var.view(-1),
            weight,
            self.bias.view(-1),
            training,
            MOMENTUM,
            EPSILON,
        )


class StackedGroupNorm(Normalization):
    """Normalization of each example over groups of its channels (and pixels).

    `group` channels make a group (Wu and He 2018); all of them give layer normalization, on units
    as `nn.LayerNorm`, on maps over channels and pixels with scale and shift per channel.
    """

    def __init__(self, members: int, channels: int, group: int) -> None:
        super().__init__(members, channels)
        self.group = group

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Units → units, or maps → maps; the same in training and evaluation."""
        assert self.weight is not None
        if x.dim() == 4:
            groups = x.shape[1] // self.group
            return F.group_norm(x, groups, self.weight.view(-1), self.bias.view(-1), EPSILON)
        apart = x.reshape(*x.shape[:-1], -1, self.group)
        normal = F.layer_norm(apart, (self.group,), eps=EPSILON).flatten(-2)
        return torch.addcmul(self.bias[:, None], normal, self.weight[:, None])


def group_size(channels: int) -> int:
    """Channels per group: the smallest divisor of `channels` that is at least 16, or all."""
    return next((size for size in range(16, channels) if channels % size == 0), channels)


def normalization(
    spec: ModelSpec, members: int, channels: int, scale: bool = True
) -> Normalization | None:
    """The normalization of a resolved `spec`, or None; without `scale` batch norm only shifts."""
    if spec.normalization == "batch":
        return StackedBatchNorm(members, channels, spec.ghost_batch, scale)
    if spec.normalization == "layer":
        return StackedGroupNorm(members, channels, channels)
    if spec.normalization == "group":
        return StackedGroupNorm(members, channels, group_size(channels))
    return None
