"""How much of the machine training uses: its arithmetic as a share of a large matrix product's."""

from __future__ import annotations

from itertools import pairwise

import torch

from memlab.bench.cases import CLASSES, Case
from memlab.bench.timing import seconds

SIDE = {"cpu": 2048, "cuda": 8192}
FEATURES = 64


def matrix_peak(device: torch.device, tries: int = 3) -> float:
    """GFLOP/s of the best of some products of two large float32 matrices, on all threads."""
    side = SIDE.get(device.type, 2048)
    left = torch.randn(side, side, device=device)
    torch.mm(left, left)
    least = min(seconds(lambda: torch.mm(left, left), device) for _ in range(tries))
    return 2 * side**3 / least / 1e9


def flops(case: Case) -> float:
    """Arithmetic a training sample of a perceptron on digits, evaluations not counted.

    Two operations a weight forwards, two for its gradient, two for the gradient of its input, which
    the first layer does not need.
    """
    weights = [a * b for a, b in pairwise((FEATURES, case.width, case.width, CLASSES))]
    return 6 * sum(weights) - 2 * weights[0]
