"""The last layer of a stack of perceptrons, padded with classes that never happen.

Matrix products and softmax of 10 columns take several times as long as of 16, which fill a whole
vector. The padded columns have weight 0 and bias −∞: their probability is 0, so their gradient is
0, and they stay what they are. The sums of the others come out in another order, hence other last
bits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

VECTOR = 16


class PaddedOutput:
    """Padded copies of a weight `[members, in, classes]` and bias `[members, 1, classes]`.

    The parameters become views into them, so that both are one.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight = _padded(weight, 0.0)
        self.bias = _padded(bias, float("-inf"))


def _padded(parameter: Tensor, filler: float) -> Tensor:
    classes = parameter.shape[-1]
    width = -(-classes // VECTOR) * VECTOR
    wide = torch.full((*parameter.shape[:-1], width), filler, device=parameter.device)
    wide[..., :classes] = parameter.detach()
    assert isinstance(parameter, nn.Parameter)
    parameter.data = wide[..., :classes]
    return wide
