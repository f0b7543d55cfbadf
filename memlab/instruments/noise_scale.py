"""The simple gradient noise scale, B_simple = tr Σ / ‖g‖² (McCandlish 2018, arXiv 1812.06162).

Σ is the covariance of per-example gradients and g their mean: below B_simple examples a larger
batch helps about in proportion, above it hardly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from memlab.instruments.gradient_covariance import example_covariance_trace


@dataclass(frozen=True)
class NoiseScale:
    """B_simple with its parts: `scale` = `trace` / `square`, tr Σ and ‖g‖²; float64."""

    scale: Tensor
    trace: Tensor
    square: Tensor


def exact_noise_scale(gram: Tensor) -> NoiseScale:
    """B_simple of the examples of `gram` `[members, examples, examples]`, each part `[members]`.

    Exact where these examples are the whole training set. Where they are a sample of it, ‖ḡ‖² is
    too large by tr Σ / examples on average; `noise_scale_estimate` is not.
    """
    trace = example_covariance_trace(gram)
    square = gram.mean((1, 2), dtype=torch.float64)
    return NoiseScale(trace / square, trace, square)


def batch_squares(gram: Tensor, batches: Tensor) -> Tensor:
    """‖g_B‖² of mini-batches B, `[members, batches]`, float64.

    `batches` `[members or 1, batches, size]` holds the indices of the examples of each.
    """
    members, count, size = gram.shape[0], *batches.shape[1:]
    index = batches.expand(members, count, size)
    which = torch.arange(members, device=gram.device).view(-1, 1, 1, 1)
    inner = gram[which, index.unsqueeze(3), index.unsqueeze(2)]
    return inner.mean((2, 3), dtype=torch.float64)


def noise_scale_estimate(
    small_square: Tensor, big_square: Tensor, small: int, big: int
) -> NoiseScale:
    """From squared norms of gradients over batches of two sizes (appendix A.1).

    ‖g‖² ≈ (B_big ‖g_big‖² − B_small ‖g_small‖²) / (B_big − B_small) and tr Σ ≈ (‖g_small‖² −
    ‖g_big‖²) / (1/B_small − 1/B_big), both without bias for batches of independent examples. Their
    quotient is biased: average the squares over many batches first. Shaped as the squares, which
    are of any one shape, float64.

    Raises:
        ValueError: unless `small` < `big`.
    """
    if not small < big:
        raise ValueError(f"the small batch ({small}) must be smaller than the big one ({big})")
    small_square, big_square = small_square.double(), big_square.double()
    square = (big * big_square - small * small_square) / (big - small)
    trace = (small_square - big_square) / (1 / small - 1 / big)
    return NoiseScale(trace / square, trace, square)


def gradient_diversity(gram: Tensor) -> Tensor:
    """Σᵢ ‖gᵢ‖² / ‖Σᵢ gᵢ‖², `[members]`, float64 (Yin 2018, arXiv 1706.05699).

    `gram` is `[members, examples, examples]`. 1 / examples where all gradients are equal, 1 where
    they are orthogonal; times the number of examples it bounds the batch size that costs nothing.
    """
    squares = gram.diagonal(dim1=1, dim2=2).sum(1, dtype=torch.float64)
    return squares / gram.sum((1, 2), dtype=torch.float64)
