"""How much the gradients of a set of examples differ from one another."""

from __future__ import annotations

import torch
from torch import Tensor


def gradient_diversity(gram: Tensor) -> Tensor:
    """Σᵢ ‖gᵢ‖² / ‖Σᵢ gᵢ‖², `[members]`, float64 (Yin 2018, arXiv 1706.05699).

    `gram` is `[members, examples, examples]`. 1 / examples where all gradients are equal, 1 where
    they are orthogonal; times the number of examples it bounds the batch size that costs nothing.
    """
    squares = gram.diagonal(dim1=1, dim2=2).sum(1, dtype=torch.float64)
    return squares / gram.sum((1, 2), dtype=torch.float64)
