"""Stiffness: whether a step for one example helps another (Fort 2019, arXiv 1901.09491).

A pair of examples has the sign stiffness sign(gᵢ · gⱼ) and the cosine stiffness cos(gᵢ, gⱼ), their
gradients being g. Everything here is an average of these over pairs of distinct examples. Rows
and columns of a matrix of pairs may be two sets: train–validation pairs are the block [:, :n, n:]
of `cosines(gram)` of both. How stiffness falls with distance is in `stiffness_distance.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def cosines(gram: Tensor) -> Tensor:
    """cos(gᵢ, gⱼ), shaped as `gram` `[members, examples, examples]`; 0 where a gradient is zero."""
    squares = gram.diagonal(dim1=1, dim2=2)
    scale = squares.clamp(min=0).rsqrt().where(squares > 0, 0.0)
    return (gram * scale.unsqueeze(1) * scale.unsqueeze(2)).clamp_(-1, 1)


def signs(gram: Tensor) -> Tensor:
    """sign(gᵢ · gⱼ) ∈ {−1, 0, 1}, shaped as `gram`."""
    return gram.sign()


def by_group(values: Tensor, rows: Tensor, columns: Tensor | None = None, *, groups: int) -> Tensor:
    """Mean over pairs by the groups of their two examples, `[members, groups, groups]`, float64.

    `values` is `[members, m, n]`; `rows` `[members or 1, m]` and `columns` `[members or 1, n]` are
    numbers of groups, negative: left out. Without `columns`, rows and columns are the same
    examples, and pairs of one with itself are left out. NaN where there is no pair. With classes
    for groups this is the class stiffness matrix; classes may be given or true ones.
    """
    left = _indicators(rows, groups)
    right = left if columns is None else _indicators(columns, groups)
    values = values.double()
    sums = left.mT @ values @ right
    counts = left.sum(1).unsqueeze(2) * right.sum(1).unsqueeze(1)
    if columns is None:
        alone = values.diagonal(dim1=1, dim2=2).unsqueeze(2)
        sums = sums - torch.diag_embed((left * alone).sum(1))
        counts = counts - torch.diag_embed(left.sum(1))
    return sums / counts.where(counts > 0, torch.nan)


def by_corruption(
    values: Tensor, labels: Tensor, corrupted: Tensor, classes: int
) -> dict[str, Tensor]:
    """Class matrices `[members, classes, classes]` of pairs by whether examples are corrupted.

    `values` is `[members, m, m]`, `labels` (given, as trained on) and `corrupted` (bool)
    `[members or 1, m]`. The keys are `clean-clean`, `clean-corrupted`, whose rows are the classes
    of the clean example, and `corrupted-corrupted`.
    """
    matrix = by_group(values, labels + classes * corrupted, groups=2 * classes)
    return {
        "clean-clean": matrix[:, :classes, :classes],
        "clean-corrupted": matrix[:, :classes, classes:],
        "corrupted-corrupted": matrix[:, classes:, classes:],
    }


def within_class(matrix: Tensor) -> Tensor:
    """Mean of the diagonal of `[members, classes, classes]`, `[members]`.

    Each class counts the same; those without a pair (NaN) are left out.
    """
    return matrix.diagonal(dim1=1, dim2=2).nanmean(1)


def between_class(matrix: Tensor) -> Tensor:
    """Mean of what is off the diagonal, `[members]`; see `within_class`."""
    diagonal = torch.eye(matrix.shape[1], dtype=torch.bool, device=matrix.device)
    return matrix.masked_fill(diagonal, torch.nan).flatten(1).nanmean(1)


def _indicators(numbers: Tensor, groups: int) -> Tensor:
    """`[members or 1, examples, groups]`, 1 where the example is of the group."""
    return (numbers.unsqueeze(2) == torch.arange(groups, device=numbers.device)).double()
