"""Matrices on a sample of the data, made once a moment, curvature products, and the gradient."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.gram import gram
from memlab.instruments.hessian_product import hessian_product, mean_gradient
from memlab.instruments.parameter_vectors import StackProduct
from memlab.instruments.subject import Sample, Subject
from memlab.models import StackedModel
from memlab.training.arrays import at

#: Training examples that go through at once for the gradient of all of them.
GRADIENT_CHUNK = 512


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
        first, second = (
            subject.train_sample(train),
            subject.validation_sample(validation, needed=False),
        )
        members = max(first.x.shape[0], second.x.shape[0])
        x = torch.cat([_expanded(first.x, members), _expanded(second.x, members)], 1)
        labels = torch.cat([first.given, second.given], 1)
        whole = gram(subject.model, x, labels, subject.loss)
        count = first.given.shape[1]
        subject.shared[("train gram", train)] = whole[:, :count, :count]
        return whole

    return cast(Tensor, subject.once(("joint gram", train, validation), make))


def train_gradient(subject: Subject) -> Tensor:
    """The gradient of the mean loss on each member's whole training set, `[members, parameters]`.

    In float64 over chunks of examples, so that what cancels between them leaves no rounding.
    """

    def make() -> object:
        arrays, own = subject.arrays, subject.arrays.own_index()
        examples = arrays.train.inputs.examples if own is None else own.shape[1]
        total = torch.zeros((), dtype=torch.float64, device=subject.device)
        for start in range(0, examples, GRADIENT_CHUNK):
            stop = min(start + GRADIENT_CHUNK, examples)
            index = torch.arange(start, stop, device=subject.device)
            if own is not None:
                index = own[:, start:stop]
            x, labels = arrays.train.inputs.at(index), at(arrays.train.labels, index)
            found = mean_gradient(subject.model, x, labels, subject.loss)
            total = total + found.double() * ((stop - start) / examples)
        return total

    return cast(Tensor, subject.once("train gradient", make))


def _expanded(x: Tensor, members: int) -> Tensor:
    return x.expand(members, *x.shape[1:])


def sampled_product(
    subject: Subject, sample: Sample, matrix: str, model: StackedModel | None = None
) -> StackProduct:
    """`hessian`, or `ggn`, the generalized Gauss-Newton matrix, of the mean loss on `sample`.

    Of `model` where one is given, else of the subject's.
    """
    make = ggn_product if matrix == "ggn" else hessian_product
    chosen = subject.model if model is None else model
    return make(chosen, sample.x, sample.given, subject.loss, notes=subject.notes)
