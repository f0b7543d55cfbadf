"""Covariance of per-example and of mini-batch gradients, from their Gram matrix alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class GradientCovariance:
    """K of a set of gradients; everything is float64.

    `eigenvalues` `[members, leading]` are the largest, first the largest; `trace` `[members]` is
    Tr K; `condition` `[members]` is λ*/λ₁ with λ* the smallest eigenvalue that is not zero;
    `relative_trace` `[members]` is Tr K / λ₁. The last two are NaN where K is zero.
    """

    trace: Tensor
    eigenvalues: Tensor
    condition: Tensor
    relative_trace: Tensor


def gradient_norms(gram: Tensor) -> Tensor:
    """‖gᵢ‖ of each example, `[members, examples]`, from `gram` `[members, examples, examples]`."""
    return gram.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()


def example_covariance_trace(gram: Tensor) -> Tensor:
    """tr Σ = mean ‖gᵢ‖² − ‖ḡ‖² of the examples, `[members]`, float64.

    The examples are all there is: their covariance is divided by their number. As an estimate for
    the population that they were drawn from, multiply by examples / (examples − 1).
    """
    return centred(gram).diagonal(dim1=1, dim2=2).mean(1)


def mini_batch_gram(gram: Tensor, batches: Tensor) -> Tensor:
    """P G Pᵀ, inner products of mini-batch gradients, `[members, batches, batches]`, float64.

    `batches` `[members or 1, batches, size]` holds the indices of the examples of each; P averages
    over them. An index that occurs twice counts twice.
    """
    share = torch.ones_like(batches, dtype=torch.float64) / batches.shape[2]
    averaging = share.new_zeros(*batches.shape[:2], gram.shape[1]).scatter_add_(2, batches, share)
    return averaging @ gram.double() @ averaging.mT


def centred(gram: Tensor) -> Tensor:
    """Inner products of gradients minus their mean, shaped as `gram`, float64."""
    gram = gram.double()
    rows = gram.mean(2, keepdim=True)
    return gram - rows - rows.mT + rows.mean(1, keepdim=True)


def gradient_covariance(
    gram: Tensor, leading: int = 5, precision: torch.dtype | None = None
) -> GradientCovariance:
    """K = 1/n Σ (gᵢ − ḡ)(gᵢ − ḡ)ᵀ of n gradients, from `gram` `[members, n, n]`.

    Its non-zero eigenvalues are those of the centred Gram matrix divided by n, at most n − 1
    (Jastrzębski 2020, arXiv 2002.09572; there of mini-batch gradients:
    `gradient_covariance(mini_batch_gram(gram, batches), precision=gram.dtype)`). Eigenvalues below
    n ε λ₁ are zero, with ε of `precision`, in which the gradients were computed (default: gram's).
    """
    count = gram.shape[1]
    values = torch.linalg.eigvalsh(centred(gram) / count).flip(1).clamp(min=0)
    largest = values[:, :1]
    threshold = count * torch.finfo(precision or gram.dtype).eps * largest
    smallest = values.where(values > threshold, torch.inf).amin(1)
    trace = values.sum(1)
    return GradientCovariance(
        trace=trace,
        eigenvalues=values[:, :leading],
        condition=smallest.where(largest[:, 0] > 0, torch.nan) / largest[:, 0],
        relative_trace=trace / largest[:, 0],
    )
