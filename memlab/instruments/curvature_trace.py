"""Trace and Frobenius norm of a stack's curvature from products with random vectors.

Every estimate comes with its standard error, from the spread of its own independent samples; an
interval of ± 2 standard errors holds for tens of samples and is rough for a handful. Vectors are
±1 (Rademacher), which has the least variance of all distributions with independent entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from memlab.instruments.parameter_vectors import Product, VectorSpace, random_vectors


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error, each float64 `[members]` on the CPU."""

    value: Tensor
    error: Tensor


@dataclass(frozen=True)
class TraceAndNorm:
    """Both from the same `products` products of the whole stack."""

    trace: Estimate
    frobenius: Estimate
    products: int


@torch.no_grad()
def hutchinson(
    product: Product,
    space: VectorSpace,
    generators: Sequence[np.random.Generator],
    samples: int = 10,
) -> TraceAndNorm:
    """tr H = E zᵀHz (Hutchinson 1990) and ‖H‖_F = √E‖Hz‖².

    The trace and the squared norm are unbiased. The norm, as a root, is low by about
    error² ÷ (2 · norm); its error is that of the square ÷ (2 · norm).

    Raises:
        ValueError: if `samples` is below 2, from which no error follows.
    """
    _enough(samples)
    traces, squares = [], []
    for _ in range(samples):
        signs = random_vectors(space, generators, "signs")
        multiplied = product(signs)
        traces.append(_dot(signs, multiplied))
        squares.append(_dot(multiplied, multiplied))
    square = _mean(squares)
    norm = square.value.sqrt()
    error = torch.where(norm > 0, square.error / (2 * norm), square.error)
    return TraceAndNorm(_mean(traces), Estimate(norm, error), samples)


@torch.no_grad()
def hutch_plus_plus(
    product: Product,
    space: VectorSpace,
    generators: Sequence[np.random.Generator],
    products: int = 30,
) -> Estimate:
    """tr H by Hutch++ (Meyer, Musco, Musco and Woodruff 2021, algorithm 1).

    A third of the `products` finds a range Q, a third its exact part tr QᵀHQ, the last the rest by
    Hutchinson on (I − QQᵀ) H (I − QQᵀ); unbiased, with a much smaller error than Hutchinson's where
    a few eigenvalues dominate, as they do late in training. The error stated is the rest's.

    Raises:
        ValueError: if a third of `products` is below 2 or above the number of parameters.
    """
    third = products // 3
    _enough(third)
    if third > space.size:
        raise ValueError(f"{third} directions among {space.size} parameters")

    def multiply(vectors: Tensor) -> Tensor:
        return torch.stack([product(vectors[:, i].contiguous()) for i in range(third)], 1)

    def draw() -> Tensor:
        signs = [random_vectors(space, generators, "signs") for _ in range(third)]
        return torch.stack(signs, 1)

    found, _ = torch.linalg.qr(multiply(draw()).transpose(1, 2))
    found = found.transpose(1, 2).contiguous()
    exact = (found.double() * multiply(found).double()).sum((1, 2)).cpu()
    rest = draw()
    for _ in range(2):
        inside = torch.bmm(rest, found.transpose(1, 2))
        rest = torch.baddbmm(rest, inside, found, alpha=-1)
    samples = (rest.double() * multiply(rest).double()).sum(2).cpu()
    remaining = _mean(list(samples.unbind(1)))
    return Estimate(exact + remaining.value, remaining.error)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a.double() * b.double()).sum(1).cpu()


def _mean(samples: list[Tensor]) -> Estimate:
    stacked = torch.stack(samples)
    return Estimate(stacked.mean(0), stacked.std(0) / sqrt(len(samples)))


def _enough(samples: int) -> None:
    if samples < 2:
        raise ValueError(f"{samples} samples: a standard error needs at least 2")
