"""Products with the Hessian of a stack's mean loss, for all members at once.

Members are independent networks, so the Hessian of the sum of their losses is block diagonal, and
one pass over the whole stack multiplies each member's Hessian with that member's vector. The loss
is the one of training (label smoothing included if given, weight decay left out) with the networks
evaluated: nothing is dropped, and batch normalization uses its running statistics, so that examples
do not depend on each other. At a kink of relu or max-pooling the Hessian is that of the smooth
piece on which autograd stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, grad, jvp

from memlab.instruments.kept_graphs import KeptGradient, gradient_of
from memlab.instruments.module_product import module_gradient, module_product
from memlab.instruments.parameter_vectors import Product, StackProduct, join_vectors, split_vectors
from memlab.instruments.perceptron_product import perceptron_product
from memlab.models.module_stack import ModuleStack
from memlab.models.normalization import StackedBatchNorm
from memlab.models.stacked import StackedModel
from memlab.training.loss import example_losses

Loss = Callable[[tuple[Tensor, ...]], Tensor]


def hessian_product(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    loss: str = "cross-entropy",
    smoothing: Tensor | None = None,
    *,
    chunk: int = 1024,
    notes: list[str] | None = None,
) -> StackProduct:
    """v ↦ H v for all members at once.

    `x` is `[members or 1, n, …]`, `targets` `[members, n]`, `smoothing` `[members]`, vectors
    `[members, parameters]`. Examples go through in chunks of `chunk`; if there is only one, its
    graph is kept between products. Plain perceptrons go by hand (`perceptron_product.py`). The
    parameters must not change while the product is in use. Of ordinary modules as many examples go
    at once as memory allows (`module_product.py`); `notes` takes what is to be said of that.
    """
    if isinstance(model, ModuleStack):
        return module_product(model, x, targets, loss, smoothing, exact=True, notes=notes)
    by_hand = perceptron_product(model, x, targets, loss, smoothing, exact=True, chunk=chunk)
    if by_hand is not None:
        return by_hand
    multiply = generic_hessian_product(model, x, targets, loss, smoothing, chunk=chunk)

    def select(members: Sequence[int]) -> StackProduct:
        return hessian_product(
            model.select(members),
            x if x.shape[0] == 1 else x[members],
            targets[members],
            loss,
            None if smoothing is None else smoothing[members],
            chunk=chunk,
        )

    return StackProduct(multiply, select)


def generic_hessian_product(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    loss: str = "cross-entropy",
    smoothing: Tensor | None = None,
    *,
    chunk: int = 1024,
) -> Product:
    """`hessian_product` by automatic differentiation, for every architecture.

    Several chunks: forward over reverse (Pearlmutter 1994), which keeps nothing. One chunk: the
    gradient's own graph is kept and pulled back, as H is symmetric; that spares the two thirds of
    the work that do not depend on the vector. Batch normalization without a scale always goes
    forward over reverse.
    """
    parameters = tuple(parameter.detach() for parameter in model.parameters())
    shapes = [parameter.shape for parameter in parameters]
    examples = targets.shape[1]
    total = _loss_of(model, loss, smoothing, examples)
    if examples <= chunk and not _without_scale(model):
        kept = KeptGradient(total(x, targets), parameters)
        return lambda vectors: join_vectors(kept.product(split_vectors(vectors, shapes)))

    def multiply(vectors: Tensor) -> Tensor:
        tangents = tuple(split_vectors(vectors, shapes))
        summed = torch.zeros_like(vectors)
        for start in range(0, examples, chunk):
            part = slice(start, start + chunk)
            gradient = grad(total(x[:, part], targets[:, part]))
            summed += join_vectors(jvp(gradient, (parameters,), (tangents,))[1])
        return summed

    return multiply


def _without_scale(model: StackedModel) -> bool:
    """Whether PyTorch cannot differentiate the gradient backwards: it asks for the scale."""
    layers = (layer for layer in model.modules() if isinstance(layer, StackedBatchNorm))
    return any(layer.weight is None for layer in layers)


def mean_gradient(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    loss: str = "cross-entropy",
    smoothing: Tensor | None = None,
) -> Tensor:
    """The gradient of each member's mean loss, `[members, parameters]`."""
    if isinstance(model, ModuleStack):
        return module_gradient(model, x, targets, loss, smoothing)
    parameters = tuple(parameter.detach() for parameter in model.parameters())
    total = _loss_of(model, loss, smoothing, targets.shape[1])
    return join_vectors(gradient_of(total(x, targets), parameters))


def _loss_of(
    model: StackedModel, loss: str, smoothing: Tensor | None, examples: int
) -> Callable[[Tensor, Tensor], Loss]:
    """(chunk of inputs, of targets) ↦ the members' summed share of their mean losses."""
    names = [name for name, _ in model.named_parameters()]
    buffers = dict(model.named_buffers())

    def total(x: Tensor, targets: Tensor) -> Loss:
        def loss_at(values: tuple[Tensor, ...]) -> Tensor:
            state = {**dict(zip(names, values, strict=True)), **buffers}
            logits: Tensor = functional_call(model, state, (x,))
            return example_losses(loss, logits, targets, smoothing).sum() / examples

        return loss_at

    return total
