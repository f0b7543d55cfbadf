"""Matrices on a sample of the data: Gram matrices, made once a moment, and curvature products."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.gram import gram
from memlab.instruments.hessian_product import hessian_product
from memlab.instruments.parameter_vectors import StackProduct
from memlab.instruments.subject import Sample, Subject


def train_gram(subject: Subject, examples: int) -> Tensor:
    """G of `subject.train_sample(examples)`, `[members, n, n]`."""

    def make() -> object:
        sample = subject.train_sample(examples)
        return gram(subject.model, sample.x, sample.given, subject.loss)

    return cast(Tensor, subject.once(("train gram", examples), make))


def joint_gram(subject: Subject, train: int, validation: int) -> Tensor:
    """G of training examples, then validation examples, `[members, n + v, n + v]`.

    Its training block serves `train_gram` of the same sample.
    """

    def make() -> object:
        first, second = subject.train_sample(train), subject.validation_sample(validation)
        members = max(first.x.shape[0], second.x.shape[0])
        x = torch.cat([_expanded(first.x, members), _expanded(second.x, members)], 1)
        labels = torch.cat([first.given, second.given], 1)
        whole = gram(subject.model, x, labels, subject.loss)
        count = first.given.shape[1]
        subject.shared[("train gram", train)] = whole[:, :count, :count]
        return whole

    return cast(Tensor, subject.once(("joint gram", train, validation), make))


def _expanded(x: Tensor, members: int) -> Tensor:
    return x.expand(members, *x.shape[1:])


def sampled_product(subject: Subject, sample: Sample, matrix: str) -> StackProduct:
    """`hessian`, or `ggn`, the generalized Gauss-Newton matrix, of the mean loss on `sample`."""
    make = ggn_product if matrix == "ggn" else hessian_product
    return make(subject.model, sample.x, sample.given, subject.loss)
