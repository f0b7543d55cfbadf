"""The architectures once more, one network at a time, from PyTorch's own layers.

Written from the papers, independently of `memlab.models`; layers are made in the order in which
the stacks make theirs, so that weights can be copied across.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


def norm_of(kind: str, channels: int, images: bool, affine: bool = True) -> list[nn.Module]:
    if kind == "none":
        return []
    if kind == "batch":
        batch = nn.BatchNorm2d(channels) if images else nn.BatchNorm1d(channels)
        if not affine:
            batch.weight.requires_grad_(False)
        return [batch]
    return [nn.GroupNorm(1, channels)]


def conv(a: int, b: int, kernel: int, kind: str, stride: int = 1, affine: bool = True):
    layer = nn.Conv2d(a, b, kernel, stride, kernel // 2, bias=kind == "none")
    return [layer, *norm_of(kind, b, True, affine)]


def dense(a: int, b: int, kind: str) -> list[nn.Module]:
    return [nn.Linear(a, b, bias=kind == "none"), *norm_of(kind, b, False), nn.ReLU()]


def mlp(kind: str, features: int, width: int, depth: int, classes: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    for i in range(depth):
        layers += dense(width if i else features, width, kind)
    return nn.Sequential(*layers, nn.Linear(width, classes))


def two_stages(kind: str, response: bool, width: int, side: int, classes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for channels in (3, width):
        layers += [*conv(channels, width, 5, kind), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        if response:
            layers.append(nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0))
    layers.append(nn.Flatten())
    layers += dense(width * (side // 4) ** 2, 384, kind) + dense(384, 192, kind)
    return nn.Sequential(*layers, nn.Linear(192, classes))


class Beside(nn.Module):
    """Branches joined by channel."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception(kind: str, eighth: int, classes: int) -> nn.Module:
    """Filters of the paper divided by 8, times `eighth`."""

    def module(a: int, b: int, kernel: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(*conv(a, b, kernel, kind, stride, affine=False), nn.ReLU())

    def pair(a: int, b: int, c: int) -> nn.Module:
        return Beside(module(a * eighth, b * eighth, 1), module(a * eighth, c * eighth, 3))

    def down(a: int, b: int) -> nn.Module:
        return Beside(module(a * eighth, b * eighth, 3, 2), nn.MaxPool2d(3, 2, 1))

    return nn.Sequential(
        module(3, 12 * eighth, 3),
        *(pair(12, 4, 4), pair(8, 4, 6), down(10, 10)),
        *(pair(20, 14, 6), pair(20, 12, 8), pair(20, 10, 10), pair(20, 6, 12), down(18, 12)),
        *(pair(30, 22, 20), pair(42, 22, 20)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(42 * eighth, classes)),
    )


class HeBlock(nn.Module):
    def __init__(self, a: int, b: int, stride: int, kind: str) -> None:
        super().__init__()
        self.main = nn.Sequential(*conv(a, b, 3, kind, stride), nn.ReLU(), *conv(b, b, 3, kind))
        self.stride, self.added = stride, b - a

    def forward(self, x: Tensor) -> Tensor:
        around = x[:, :, :: self.stride, :: self.stride]
        zeros = around.new_zeros(len(x), self.added, *around.shape[2:])
        return F.relu(self.main(x) + torch.cat([around, zeros], 1))


def resnet20(kind: str, width: int, classes: int) -> nn.Module:
    blocks = [
        HeBlock(width << max(0, s - (i == 0)), width << s, 2 if s and not i else 1, kind)
        for s in range(3)
        for i in range(3)
    ]
    first = [*conv(3, width, 3, kind), nn.ReLU()]
    return nn.Sequential(
        *first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width * 4, classes)
    )


class WideBlock(nn.Module):
    def __init__(self, a: int, b: int, stride: int, kind: str) -> None:
        super().__init__()
        bias = kind == "none"
        self.one = nn.Sequential(*norm_of(kind, a, True), nn.ReLU())
        self.short = nn.Conv2d(a, b, 1, stride, bias=False) if a != b or stride == 2 else None
        self.conv1 = nn.Conv2d(a, b, 3, stride, 1, bias=bias)
        self.two = nn.Sequential(*norm_of(kind, b, True), nn.ReLU())
        self.conv2 = nn.Conv2d(b, b, 3, 1, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        o = self.one(x)
        return (self.short(o) if self.short else x) + self.conv2(self.two(self.conv1(o)))


def wide_resnet(kind: str, width: int, classes: int) -> nn.Module:
    ins = [16, width, width, width * 2, width * 2, width * 4]
    outs = [width, width, width * 2, width * 2, width * 4, width * 4]
    strides = [1, 1, 2, 1, 2, 1]
    blocks = [WideBlock(a, b, s, kind) for a, b, s in zip(ins, outs, strides, strict=True)]
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=kind == "none"),
        *blocks,
        *norm_of(kind, width * 4, True),
        *(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width * 4, classes)),
    )
