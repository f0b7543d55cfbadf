"""alexnet-small: the small AlexNet of Zhang 2017 (arXiv 1611.03530), appendix A.

Twice [convolution 5×5 → max-pool 3×3 → local response normalization], then 384 and 192 units, then
a linear layer: 1,387,786 parameters on 28×28×3 inputs with 10 classes, as the paper's table 1.
Inferred, because only so the count comes out exactly: 64 filters in both convolutions and 7×7 maps
after them, hence "same" padding with stride 1, pooling with stride 2, and biases everywhere.
Inferred from TensorFlow's CIFAR-10 tutorial, which has these layers: ReLU after each convolution
and fully connected layer, and the constants of the response normalization. Noise sites: after each
response normalization (`hidden0`, `hidden1`) and each fully connected layer (`hidden2`, `hidden3`).
"""

from __future__ import annotations

from torch import Tensor

from memlab.models.cnn import TwoStages
from memlab.models.layers import local_response
from memlab.models.registry import register


@register("alexnet-small")
class SmallAlexNet(TwoStages):
    """Zhang's small AlexNet."""

    def _between(self, x: Tensor) -> Tensor:
        return local_response(x, self.members)
