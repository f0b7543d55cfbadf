"""Linear centred kernel alignment between layers, between members, and with initialization.

CKA(X, Y) = HSIC(K, L) / √(HSIC(K, K) · HSIC(L, L)) for K = XXᵀ and L = YYᵀ (Kornblith 2019, arXiv
1905.00414). The unbiased one has HSIC₁ of Song 2012 (JMLR 13, equation 5) for HSIC, as in Nguyen,
Raghu and Kornblith 2020 (arXiv 2010.15327, equation 3); only it is near 0 for unrelated features
that outnumber the examples. Both are cosines: of double-centred Gram matrices, or of U-centred ones
(Székely and Rizzo 2014, equation 2.4: their inner product ÷ n(n − 3) is HSIC₁).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

#: HSIC₁ divides by n − 3.
FEWEST = 4


def centred_gram(features: Tensor, unbiased: bool = True) -> Tensor:
    """Centred Gram matrix of features `[…, n, features]`, at unit norm, float64 `[…, n, n]`.

    NaN where the features do not vary.

    Raises:
        ValueError: with fewer than 4 examples.
    """
    n = features.shape[-2]
    if n < FEWEST:
        raise ValueError(f"{n} examples, and alignment needs at least {FEWEST}")
    x = features.double()
    x = x - x.mean(-2, keepdim=True)
    gram = x @ x.mT
    if unbiased:
        gram = _u_centred(gram)
    norm: Tensor = torch.linalg.matrix_norm(gram, keepdim=True)
    return gram / norm


def cka(x: Tensor, y: Tensor, unbiased: bool = True) -> Tensor:
    """CKA of features `[…, n, p]` and `[…, n, q]` of the same n examples, float64 `[…]`.

    Biased in [0, 1]; unbiased in [−1, 1], about 0 for independent features. Does not change with
    rotations, shifts and scales of either.
    """
    return (centred_gram(x, unbiased) * centred_gram(y, unbiased)).sum((-2, -1))


def layer_alignment(layers: Mapping[str, Tensor], unbiased: bool = True) -> Tensor:
    """CKA between each two layers of a member, `[members, layers, layers]`.

    `layers` are activations `[members, n, features]`, rows and columns in their order.
    """
    grams = torch.stack([centred_gram(x, unbiased).flatten(1) for x in layers.values()], 1)
    return grams @ grams.mT


def member_alignment(features: Tensor, unbiased: bool = True) -> Tensor:
    """CKA between each two members at one layer, `[members, n, features]` to `[members, members]`.

    Meant for members that see the same examples.
    """
    grams = centred_gram(features, unbiased).flatten(1)
    return grams @ grams.mT


def with_like(pairs: Tensor, like: Tensor) -> Tensor:
    """Each member's mean alignment with the others that it is `like`, `[members]`.

    `pairs` and `like` are `[members, members]`; NaN where there is no other.
    """
    others = like & ~torch.eye(len(like), dtype=torch.bool, device=like.device)
    return pairs.masked_fill(~others, 0.0).sum(1) / others.sum(1)


def alignment_with(
    reference: Mapping[str, Tensor], layers: Mapping[str, Tensor], unbiased: bool = True
) -> dict[str, Tensor]:
    """CKA of each layer with the same layer of `reference` (initialization, say), `[members]`."""
    return {name: cka(reference[name], x, unbiased) for name, x in layers.items()}


def _u_centred(gram: Tensor) -> Tensor:
    n = gram.shape[-1]
    hollow = gram - torch.diag_embed(gram.diagonal(dim1=-2, dim2=-1))
    rows = hollow.sum(-1, keepdim=True) / (n - 2)
    total = hollow.sum((-2, -1), keepdim=True) / ((n - 1) * (n - 2))
    centred = hollow - rows - rows.mT + total
    return centred - torch.diag_embed(centred.diagonal(dim1=-2, dim2=-1))
