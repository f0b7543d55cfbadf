"""A member of a stack as the network that one writes in PyTorch's own layers."""

from __future__ import annotations

import torch
from torch import nn

from memlab.models import StackedModel
from memlab.models.blocks import Convolution, Dense
from memlab.models.layers import StackedConv2d, StackedLinear


def plain_network(stack: StackedModel) -> nn.Sequential:
    """The first member of an mlp or cnn in PyTorch's own layers."""
    layers: list[nn.Module] = []
    for module in stack.modules():
        if isinstance(module, Convolution):
            layers += [*_plain(module.conv, module.norm, nn.BatchNorm2d), nn.MaxPool2d(3, 2, 1)]
        elif isinstance(module, Dense):
            layers += [nn.Flatten(), *_plain(module.linear, module.norm, nn.BatchNorm1d)]
    assert isinstance(stack.output, StackedLinear)
    return nn.Sequential(*layers, _plain_layer(stack.output))


def _plain(
    layer: nn.Module, norm: nn.Module | None, batch_norm: type[nn.BatchNorm1d | nn.BatchNorm2d]
) -> list[nn.Module]:
    """Layer, normalization and activation; a fresh stack's normalization is PyTorch's own."""
    after = [] if norm is None else [batch_norm(norm.get_parameter("bias").shape[1])]
    return [_plain_layer(layer), *after, nn.ReLU()]


@torch.no_grad()
def _plain_layer(layer: nn.Module) -> nn.Module:
    made: nn.Linear | nn.Conv2d
    if isinstance(layer, StackedConv2d):
        filters, channels, kernel, _ = layer.weight.shape[1:]
        bias = layer.bias is not None
        made = nn.Conv2d(channels, filters, kernel, layer.stride, kernel // 2, bias=bias)
        made.weight.copy_(layer.weight[0])
    else:
        assert isinstance(layer, StackedLinear)
        _, inputs, outputs = layer.weight.shape
        made = nn.Linear(inputs, outputs, bias=layer.bias is not None)
        made.weight.copy_(layer.weight[0].T)
    if layer.bias is not None and made.bias is not None:
        made.bias.copy_(layer.bias.flatten())
    return made
