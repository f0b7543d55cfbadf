"""Small stacks in float64 and their dense matrices, for the tests of curvature."""

from __future__ import annotations

from math import prod

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, hessian

from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.parameter_vectors import Product, space_of
from memlab.models import build
from memlab.models.stacked import StackedModel
from memlab.training.loss import example_losses

CLASSES = 3


def image_of(name: str) -> tuple[int, int, int]:
    """Few inputs where the dense matrix is wanted, images where there are convolutions."""
    return (1, 2, 2) if name in ("linear", "mlp") else (3, 8, 8)


def stack(spec: ModelSpec, members: int) -> StackedModel:
    """Members drawn from generators of their own, in float64."""
    image = image_of(spec.name)
    made = build(spec, members=members, image_shape=image, features=prod(image), classes=CLASSES)
    model = made.double()
    model.initialize([key(m, "init") for m in range(members)])
    return model


def sample(model: StackedModel, count: int, shared: bool = True) -> tuple[Tensor, Tensor]:
    """Inputs `[1 or members, count, …]` and labels that differ between members."""
    image = image_of(model.spec.name)
    x = key(0, "inputs").standard_normal((1 if shared else model.members, count, *image))
    y = key(0, "labels").integers(0, CLASSES, (model.members, count))
    return torch.from_numpy(x), torch.from_numpy(y)


def matrix_of(product: Product, model: StackedModel) -> Tensor:
    """The matrices `[members, parameters, parameters]`, column by column."""
    space = space_of(model)
    columns = []
    for i in range(space.size):
        unit = torch.zeros(space.members, space.size, dtype=space.dtype)
        unit[:, i] = 1
        columns.append(product(unit))
    return torch.stack(columns, 2)


def dense_hessian(
    model: StackedModel, x: Tensor, y: Tensor, loss: str, smoothing: Tensor | None = None
) -> Tensor:
    """`[members, parameters, parameters]` by `torch.func.hessian`, member by member."""
    made = []
    for m in range(model.members):
        part = x if x.shape[0] == 1 else x[m : m + 1]
        share = None if smoothing is None else smoothing[m : m + 1]
        made.append(_dense(model.select([m]), part, y[m : m + 1], loss, share))
    return torch.stack(made)


def _dense(alone: StackedModel, x: Tensor, y: Tensor, loss: str, share: Tensor | None) -> Tensor:
    named = {name: p.detach() for name, p in alone.named_parameters()}
    buffers = dict(alone.named_buffers())

    def mean_loss(flat: Tensor) -> Tensor:
        pieces = flat.split([p.numel() for p in named.values()])
        values = {
            name: piece.reshape(p.shape)
            for (name, p), piece in zip(named.items(), pieces, strict=True)
        }
        logits = functional_call(alone, {**values, **buffers}, (x,))
        return example_losses(loss, logits, y, share).mean()

    return hessian(mean_loss)(torch.cat([p.flatten() for p in named.values()]))


class Alone(torch.nn.Module):
    """A stack of one as an ordinary network, for libraries that know no stacks."""

    def __init__(self, model: StackedModel) -> None:
        super().__init__()
        self.inner = model

    def forward(self, inputs: Tensor) -> Tensor:
        """`[batch, …]` → `[batch, classes]`."""
        return self.inner(inputs[None])[0]


def curvlinops_operator(kind: str, model: StackedModel, x: Tensor, y: Tensor):  # type: ignore[no-untyped-def]
    """curvlinops' operator of the cross-entropy of a stack of one; skips where it is absent."""
    curvlinops = pytest.importorskip("curvlinops")
    make = {"hessian": curvlinops.HessianLinearOperator, "ggn": curvlinops.GGNLinearOperator}
    alone = Alone(model)
    data = [(x[0], y[0])]
    return make[kind](alone, torch.nn.CrossEntropyLoss(), list(alone.parameters()), data)
