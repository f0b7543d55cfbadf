"""Networks by name, always as a stack: M networks of equal shape with a leading member dimension.

Which architectures exist, and their sizes without torch, is `memlab.experiment.architecture`.
"""

from memlab.models import alexnet, cnn, inception, linear, mlp, resnet, wide_resnet
from memlab.models.noise import Noise
from memlab.models.registry import ARCHITECTURES, build
from memlab.models.stacked import StackedModel

__all__ = [
    "ARCHITECTURES",
    "Noise",
    "StackedModel",
    "alexnet",
    "build",
    "cnn",
    "inception",
    "linear",
    "mlp",
    "resnet",
    "wide_resnet",
]
