"""The simple gradient noise scale, B_simple = tr Σ / ‖g‖² (McCandlish 2018, arXiv 1812.06162).

Σ is the covariance of the gradients of the training examples and g their mean: below B_simple
examples a larger batch helps about in proportion, above it hardly. ‖ḡ‖² of a sample of n examples
is too large by tr Σ / n on average, which is all of it where the noise dominates; so g is that of
the whole training set, and only tr Σ is estimated from a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.special import stdtrit
from torch import Tensor

from memlab.estimate import LEVEL
from memlab.instruments.gradient_covariance import gradient_norms


@dataclass(frozen=True)
class NoiseScale:
    """B_simple and tr Σ with their 95 % intervals `low` … `high`, each float64 `[members]`.

    `scale` is NaN where the interval holds 0, or ‖g‖² is 0: no ratio is known then.
    """

    scale: Tensor
    low: Tensor
    high: Tensor
    trace: Tensor
    trace_low: Tensor
    trace_high: Tensor


def noise_scale(gram: Tensor, square: Tensor, examples: int) -> NoiseScale:
    """B_simple of a training set, from ‖g‖² of all of it and a sample's Gram matrix.

    `square` `[members]` is ‖g‖² over all `examples` training examples; `gram` `[members, n, n]` of
    n of them, drawn without replacement. tr Σ = mean ‖gᵢ‖² − ‖g‖², the mean over the sample:
    without bias, and exact where the sample is the whole. The interval is the mean's (t, n − 1
    degrees of freedom, with the finite population's correction 1 − n/examples); it is too narrow
    where a few examples have most of the noise and a small sample has none of them.
    """
    squares = gradient_norms(gram).double().square()
    count, square = squares.shape[1], square.double()
    variance = squares.var(1, correction=1) * (1 - count / examples) / count
    if count == examples:
        variance = torch.zeros_like(square)
    quantile = float(stdtrit(count - 1, (1 + LEVEL) / 2)) if count > 1 else 0.0
    half = quantile * variance.sqrt()
    trace = squares.mean(1) - square
    low, high = trace - half, trace + half
    known = (low > 0) & (square > 0)
    return NoiseScale(
        (trace / square).where(known, torch.nan), low / square, high / square, trace, low, high
    )


def gradient_diversity(gram: Tensor) -> Tensor:
    """Σᵢ ‖gᵢ‖² / ‖Σᵢ gᵢ‖², `[members]`, float64 (Yin 2018, arXiv 1706.05699).

    `gram` is `[members, examples, examples]`. 1 / examples where all gradients are equal, 1 where
    they are orthogonal; times the number of examples it bounds the batch size that costs nothing.
    """
    squares = gram.diagonal(dim1=1, dim2=2).sum(1, dtype=torch.float64)
    return squares / gram.sum((1, 2), dtype=torch.float64)
